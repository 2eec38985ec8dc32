# Rows as HSET commands of 500 fields each, for `redis-cli --pipe`: the first column is the field, the whole row its value.
# mawk's length() counts bytes, as Redis does.
{
    keys[rows] = $1
    values[rows++] = $0
    if (rows == 500) send()
}
END { if (rows) send() }
function send(row) {
    printf "*%d\r\n$4\r\nHSET\r\n$4\r\npipe\r\n", 2 + 2 * rows
    for (row = 0; row < rows; row++)
        printf "$%d\r\n%s\r\n$%d\r\n%s\r\n", length(keys[row]), keys[row], length(values[row]), values[row]
    rows = 0
}
