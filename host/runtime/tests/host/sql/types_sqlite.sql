create table every (k text primary key, i integer, i8 bigint, b boolean, r real, n numeric, n2 decimal(10,2), t text, v varchar(10), bl blob, d date, dt datetime, ts timestamp, j json, x, u uuid);
insert into every values ('full',2147483647,9223372036854775807,1,0.1,'12345678901234567890.1234567890','1.10','é"\'||char(10),'v',x'00ff','2026-01-02','2026-01-02 03:04:05.678901','2026-01-02T03:04:05Z','{"a": 1.10}','any','6ccd780c-baba-1026-9564-0040f4311e29');
insert into every (k) values ('nulls');
insert into every (k,i,r,x,bl) values ('odd','not a number',9e999,x'ff','text in a blob column');
