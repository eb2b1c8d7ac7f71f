-- Devices, subscriptions, connections, authentication: published examples, valid and not

SELECT v, dsec.is_imei(v) FROM unnest('{
	490154203237518, 49-015420-323751-8, 49 015420 323751 8, 354178036859789, 356868000041418,
	490154203237519, 35-417803-685978-1, 000000000000000, 49015420323751, 3568680000414120, 35686800-004141-20,
	4901542032375180, 49-015420-3237518, 49015420323751a, ""}'::text[]) v;

-- test network, USA, China, Germany, shared code, longest
SELECT v, dsec.is_imsi(v) FROM unnest('{
	001010123456789, 310150123456789, 460001234567890, 262011234567890, 901281234567890, 65501123456789,
	000010123456789, 110150123456789, 810150123456789, 3101501234567, 3101501234567890, 310-150-123456789, 31015012345678a, ""}'::text[]) v;

-- the documentation addresses of RFC 7042 and the notations of the type macaddr
SELECT v, dsec.is_mac_address(v) FROM unnest('{
	00:00:5e:00:53:00, 00:00:5E:00:53:FF, 00-00-5e-00-53-01, 08002b:010203, 08002b-010203, 0800.2b01.0203, 0800-2b01-0203, 08002b010203,
	02:00:00:00:00:01, 01:00:5e:90:10:00, ff:ff:ff:ff:ff:ff, 00:00:00:00:00:00, 08:00:2b:01:02, 08:00:2b:01:02:03:04, 08:00:2b:01:02:03:04:05,
	8:0:2b:1:2:3, 08:00:2b:01:02:0g, 08:00-2b:01-02:03, " 08:00:2b:01:02:03", "08:00:2b:01:02:03 ", ""}'::text[]) v;

-- RFC 5737, RFC 3849, the examples of RFC 4291
SELECT v, dsec.is_ip_address(v) FROM unnest('{
	192.0.2.1, 198.51.100.255, 0.0.0.0, 255.255.255.255, 10.0.0.1,
	2001:db8::1, 2001:DB8:0:0:8:800:200C:417A, 2001:DB8::8:800:200C:417A, FF01::101, ::1, ::, 1::, 0:0:0:0:0:0:13.1.68.3, ::FFFF:129.144.52.38,
	1:2:3:4:5:6:7:8, 1:2:3:4:5:6:7::, ::2:3:4:5:6:7:8, abcd:ef01:2345:6789:abcd:ef01:255.255.255.255}'::text[]) v;
SELECT v, dsec.is_ip_address(v) FROM unnest('{
	192.0.2, 192.0.2.256, 192.0.2.01, 192.0.2.1.1, 192.0.2.1., .192.0.2.1, 192..2.1, 192.0.2.1/32, 192.0.2.0/24, "192.0.2.1 ", 192.0.2.1000, 0xC0000201, 3221225985,
	2001:db8::1/128, fe80::1%eth0, 1::2::3, :::, :, :1, 1:, 1:2:3:4:5:6:7, 1:2:3:4:5:6:7:8:9, 1:2:3:4:5:6:7::8, ::1:2:3:4:5:6:7:8, 12345::, g::, "[::1]",
	::1.2.3, ::1.2.3.4.5, ::1.2.3.256, ::ff.2.3.4, 1.2.3.4::, 1:2:3:4:5:6:7:1.2.3.4, ::1:2:3:4:5:6:7:1.2.3.4, ""}'::text[]) v;
-- whatever the validators of texts accept is a value of the type, and passes there
SELECT count(*), bool_and(dsec.is_ip_address(v::inet)) AS ip FROM unnest('{
	192.0.2.1, 0.0.0.0, 255.255.255.255, 2001:db8::1, FF01::101, ::, 1::, ::FFFF:129.144.52.38, 1:2:3:4:5:6:7::, ::2:3:4:5:6:7:8,
	abcd:ef01:2345:6789:abcd:ef01:255.255.255.255}'::text[]) v WHERE dsec.is_ip_address(v);
SELECT count(*), bool_and(dsec.is_mac_address(v::macaddr)) AS mac FROM unnest('{
	00:00:5e:00:53:00, 00:00:5E:00:53:FF, 00-00-5e-00-53-01, 08002b:010203, 08002b-010203, 0800.2b01.0203, 0800-2b01-0203, 08002b010203}'::text[]) v
WHERE dsec.is_mac_address(v);
SELECT bool_and(dsec.is_ip_address(host(a))) AS all_hosts, bool_and(dsec.is_ip_address(a)) AS all_inet
FROM (SELECT '0.0.0.0'::inet + i * 65537::bigint FROM generate_series(0, 65535, 7) i
	UNION ALL SELECT '2001:db8::'::inet + i * 1000000007::bigint FROM generate_series(0, 9999, 7) i) x(a);
SELECT v, dsec.is_ip_address(v) FROM unnest('{192.0.2.1, 192.0.2.1/24, 192.0.2.0/24, 192.0.2.1/32, 2001:db8::1, 2001:db8::1/64, 2001:db8::1/128}'::inet[]) v;
SELECT v, dsec.is_mac_address(v) FROM unnest('{00:00:5e:00:53:00, 8:0:2b:1:2:3, 01:00:5e:90:10:00, ff:ff:ff:ff:ff:ff, 00:00:00:00:00:00, 00:00:00:00:00:01}'::macaddr[]) v;

-- examples of the documentation of Android and of iOS; zeros: tracking is off
SELECT v, dsec.is_advertising_id(v) FROM unnest('{
	38400000-8cf0-11bd-b23e-10b96e40000d, EA7583CD-A667-48BC-B806-42ECB2B48606, 00000000-0000-0000-0000-000000000000,
	384000008cf011bdb23e10b96e40000d, 38400000-8cf0-11bd-b23e-10b96e40000, 38400000-8cf0-11bd-b23e-10b96e40000g, 38400000-8cf0-11bd-b23e10b96e40000d0, ""}'::text[]) v
UNION ALL SELECT '{' || u || '}', dsec.is_advertising_id('{' || u || '}') FROM (VALUES ('38400000-8cf0-11bd-b23e-10b96e40000d')) x(u);

-- made by crypt(3), passlib, Django's and directories' methods, or from their documentation
SELECT dsec.is_password_hash(v), v FROM (VALUES
	('$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'),
	('$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'),
	('$1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80'),
	('$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB'),
	('$6$rounds=5000$abcdefgh$yIZAF3gQPvtKZO/9qOJKffAKKbtS3ef3qmwyugk4uWVjX8YZf/GV3A8SkFxEPY0T56CcilGrHKLffBsp6dLMG.'),
	('$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU79'),
	('$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$fjSOzYe3VPU6Q.dJqx4tYW6CE1ptRyuKNHZ4IlHBYq1'),
	('$7$CU..../....abcdefgh$zsdaqwx89mPOv8.UAUJOC7yCeca1WUSV.qqzsN2U1JA'),
	('$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno'),
	('$scrypt$ln=16,r=8,p=1$YWJjZGVmZ2hpamtsbW5vcA$CNhXD1LOclubCBcWQpRVaDIs5Zbm4FRyzrErukRBLbM'),
	('$pbkdf2-sha256$1000$YWJjZGVmZ2hpamtsbW5vcA$us6FnqbchHSSQ9YKMkyxsDZqxZS2OCDaNa8Q9imGEZs'),
	('pbkdf2_sha256$1000$abcdefgh$us6FnqbchHSSQ9YKMkyxsDZqxZS2OCDaNa8Q9imGEZs='),
	('argon2$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno'),
	('bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'),
	('{bcrypt}$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'),
	('{crypt}$1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80'),
	('{SSHA}xWPcY6kQLMSmiTgDIUTzyMwlGs4xMjM0NTY3OA=='),
	('{ssha}xWPcY6kQLMSmiTgDIUTzyMwlGs4xMjM0NTY3OA=='),
	('{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM='),
	('{MD5}j+TBFFEoHAlKZXjm3b9e7Q=='),
	('{SSHA512}5FEeuTufzFBV/pCUT16Z5+fenRo2RO78j6rIpvQdbjfKYF1i0mRGdRbzZKD0O8y0a78pqVIPOu+BGBGVSdyV3TEyMzQ1Njc4')) x(v);
-- in clear, bare digests, cut or changed hashes
SELECT dsec.is_password_hash(v), v FROM (VALUES
	('correct horse battery staple'), ('password1'), ('$ecret$alt$password'), ('$2b$hello'), ('{noop}password'), ('{SHA}password'), ('md5'), (''),
	('1a91d62f7ca67399625a4368a6ab5d4a3baa6073'), ('5f4dcc3b5aa765d61d8327deb882cf99'), ('IiHZwUEmj2cX6'),
	('$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'), ('$2b$32$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'),
	('$2c$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'), ('$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6'),
	('$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6ee'), ('$2b$04'), ('$2b$0'), ('$'), ('$$'), ('$1$'), ('$1$$y6iHhJNbuC0xpbk0w9pm80'),
	('$1$abcdefghi$y6iHhJNbuC0xpbk0w9pm80'), ('$5$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7e'), ('$5$rounds=$abcdefgh$ruMep1ijHnJPZbETDNiumskxcX3kN4lzZd5VlsqE7eB'),
	('$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU7'), ('$7$CU$zsdaqwx89mPOv8.UAUJOC7yCeca1WUSV.qqzsN2U1JA'),
	('$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw'), ('$argon2id$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno'),
	('$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$short'),
	('pbkdf2_sha256$1000$abcdefgh$us6FnqbchHSSQ9YKMkyxsDZqxZS2OCDaNa8Q9imGEZs'), ('pbkdf2_sha256$$abcdefgh$us6FnqbchHSSQ9YKMkyxsDZqxZS2OCDaNa8Q9imGEZs='),
	('{SSHA}GpHWL3ymc5liWkNopqtdSjuqYHM='), ('{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM'), ('{SHA'), ('{SHA}'), ('{}'), ('{CRYPT}IiHZwUEmj2cX6'),
	('md55f4dcc3b5aa765d61d8327deb882cf9'), ('md55F4DCC3B5AA765D61D8327DEB882CF99'), ('SCRAM-SHA-256$4096:c2FsdA==$short:short')) x(v);
-- what this server stores itself
SET password_encryption = 'scram-sha-256';
CREATE ROLE regress_types_scram PASSWORD 'correct horse';
SET client_min_messages = error;
SET password_encryption = 'md5';
CREATE ROLE regress_types_md5 PASSWORD 'correct horse';
RESET client_min_messages;
SELECT rolname, left(rolpassword, 5) AS begins, dsec.is_password_hash(rolpassword), dsec.is_password_hash(left(rolpassword, -1)) AS cut
FROM pg_authid WHERE rolname LIKE 'regress\_types\_%' ORDER BY 1;
DROP ROLE regress_types_scram, regress_types_md5;
