create table every (k varchar(20) primary key, ti tinyint, t1 tinyint(1), si smallint, mi mediumint, i int, bi bigint, bu bigint unsigned, f float, d double, n decimal(38,10), n2 decimal(10,2), c char(5), v varchar(20), t text, by_ varbinary(10), bl blob, d_ date, tm time(6), dt datetime(6), ts timestamp(6) null, y year, j json, e enum('sad','ok'), s set('a','b'), bt bit(4), u uuid, ip inet6, pt point, zf int(6) zerofill) character set utf8mb4;
set time_zone='+00:00';
insert into every values ('full',-128,1,-32768,8388607,2147483647,9223372036854775807,18446744073709551615,0.1,0.1,12345678901234567890.1234567890,1.10,'c','v','é"\\\n',x'00ff',x'00ff','2026-01-02','-838:59:58.999999','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901',2026,'{"a": 1.10}','ok','a,b',b'1010','6ccd780c-baba-1026-9564-0040f4311e29','::1',point(1,2),42);
insert into every (k) values ('nulls');
set sql_mode=''; insert into every (k,d_,dt,t1) values ('odd','0000-00-00','0000-00-00 00:00:00',5);
