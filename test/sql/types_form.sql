-- What holds for many tagging types: check digits, odd input, tags, errors
SET client_min_messages = warning;
CREATE SCHEMA types_form;
SET search_path = types_form;
LOAD 'dsec';
RESET client_min_messages;

CREATE FUNCTION is_valid(type text, v text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE result boolean;
BEGIN
	EXECUTE format('SELECT dsec.%I($1)', 'is_' || type) INTO result USING v;
	RETURN result;
END $$;
-- the template with a digit, the same for one seed, at each b
CREATE FUNCTION fill(template text, seed int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(CASE c WHEN 'b' THEN (('x' || substr(md5(seed || '/' || n), 1, 7))::bit(28)::int % 10)::text ELSE c END, '' ORDER BY n)
	FROM regexp_split_to_table(template, '') WITH ORDINALITY x(c, n) $$;

-- b: any digit; c: the check character
CREATE TABLE checked (type text, template text, characters text);
INSERT INTO checked VALUES
	('payment_card', '4bbbbbbbbbbbbbbc', '0123456789'),
	('us_npi', '1bbbbbbbbc', '0123456789'),
	('imei', '35bbbbbbbbbbbbc', '0123456789'),
	('us_aba', '01bbbbbbc', '0123456789'),
	('aadhaar', '2bbbbbbbbbbc', '0123456789'),
	('cn_resident_id', '1bbbbb19491231bbbc', '0123456789X'),
	('uk_nhs_number', '4bbbbbbbbc', '0123456789'),
	('my_number', '1bbbbbbbbbbc', '0123456789'),
	('corporate_number', 'cbbbbbbbbbbbb', '0123456789');

-- of the check characters exactly one is right for every base; for NHS numbers none where it would be ten
CREATE TABLE valid AS
SELECT type, template, seed, replace(fill(template, seed), 'c', c) AS v
FROM checked, generate_series(1, 100) seed, regexp_split_to_table(characters, '') c
WHERE is_valid(type, replace(fill(template, seed), 'c', c));
SELECT type, n AS right_characters, count(*) AS bases
FROM (SELECT type, seed, count(v) AS n FROM checked CROSS JOIN generate_series(1, 100) seed LEFT JOIN valid USING (type, seed) GROUP BY 1, 2) x
GROUP BY 1, 2 ORDER BY 1, 2;

-- one wrong digit: always found, except by the Japanese formulas, which fold values together
SELECT type, count(*) AS errors, count(*) FILTER (WHERE is_valid(type, overlay(v PLACING d::text FROM n))) AS not_found
FROM valid, generate_series(1, length(v)) n, generate_series(0, 9) d
WHERE seed <= 25 AND substr(template, n, 1) = 'b' AND substr(v, n, 1) <> d::text
GROUP BY 1 ORDER BY 1;
-- in corporate numbers these are 0 taken for 9 and 9 for 0, and no others
SELECT DISTINCT substr(v, n, 1) AS is, d AS taken_for
FROM valid, generate_series(2, 13) n, generate_series(0, 9) d
WHERE type = 'corporate_number' AND substr(v, n, 1) <> d::text AND is_valid(type, overlay(v PLACING d::text FROM n))
ORDER BY 1, 2;
-- two neighbours exchanged: always found by Verhoeff, MOD 11-2 and modulus 11; by Luhn except 0 and 9
SELECT type, count(*) AS errors, count(*) FILTER (WHERE is_valid(type, x)) AS not_found,
	array_agg(DISTINCT least(a, b) || greatest(a, b)) FILTER (WHERE is_valid(type, x)) AS pairs
FROM valid, generate_series(1, length(v) - 1) n,
	LATERAL (SELECT substr(v, n, 1) AS a, substr(v, n + 1, 1) AS b, overlay(v PLACING substr(v, n + 1, 1) || substr(v, n, 1) FROM n) AS x) y
WHERE type IN ('aadhaar', 'cn_resident_id', 'uk_nhs_number', 'payment_card', 'us_npi', 'imei')
	AND a <> b AND substr(template, n, 2) = 'bb'
GROUP BY 1 ORDER BY 1;

-- every validator of a text answers for every input: no error, never NULL
CREATE VIEW validator AS
SELECT proname FROM pg_proc
WHERE pronamespace = 'dsec'::regnamespace AND proname LIKE 'is\_%' AND pronargs = 1 AND proargtypes[0] = 'text'::regtype;
CREATE TABLE odd (v text);
ALTER TABLE odd ALTER v SET STORAGE EXTERNAL;
INSERT INTO odd VALUES (''), (' '), (E'\n'), ('ä'), ('１２３４５６７８９'), (repeat('1', 100000)), (repeat('$', 511)), (repeat('a', 512)),
	(repeat('=', 600)), (repeat(':', 45)), (repeat('1 ', 25)), (repeat('{', 512)), ('$argon2id$' || repeat('a=1$', 100));
INSERT INTO odd SELECT chr(i) FROM generate_series(1, 255) i;
INSERT INTO odd SELECT repeat(chr(i), 13) FROM generate_series(1, 255) i;
INSERT INTO odd SELECT left('DE89370400440532013000', i) FROM generate_series(0, 22) i;
DO $$
DECLARE
	name text;
	bad bigint;
	validators int := 0;
BEGIN
	FOR name IN SELECT proname FROM validator LOOP
		EXECUTE format('SELECT count(*) FROM odd WHERE dsec.%I(v) IS NULL', name) INTO bad;
		ASSERT bad = 0;
		validators := validators + 1;
	END LOOP;
	ASSERT validators >= 21;
END $$;
-- also for what is compressed or stored outside
CREATE TABLE stored (compressed text, outside text);
ALTER TABLE stored ALTER outside SET STORAGE EXTERNAL;
INSERT INTO stored SELECT s, s FROM (SELECT repeat('4111111111111111', 1000)) x(s);
SELECT pg_column_size(compressed) < 1000 AS is_compressed, dsec.is_payment_card(compressed), dsec.is_payment_card(outside),
	dsec.is_payment_card(left(compressed, 16)) FROM stored;

-- a table made of such columns only is tagged but for its subject and the corporate number
CREATE TABLE person (
	id int PRIMARY KEY,
	us_ssn dsec.us_ssn, us_itin dsec.us_itin, us_passport dsec.us_passport, us_npi dsec.us_npi,
	my_number dsec.my_number, kr_rrn dsec.kr_rrn, cn_resident_id dsec.cn_resident_id, uk_nino dsec.uk_nino,
	uk_nhs_number dsec.uk_nhs_number, aadhaar dsec.aadhaar, corporate_number dsec.corporate_number,
	payment_card dsec.payment_card, us_aba dsec.us_aba, iban dsec.iban,
	imei dsec.imei, imsi dsec.imsi, mac_address dsec.mac_address, ip_address dsec.ip_address, advertising_id dsec.advertising_id,
	password_hash dsec.password_hash);
SELECT attname, tag, category, class, source, problem
FROM pg_attribute a LEFT JOIN dsec.tagged_columns t ON t.relation = a.attrelid AND t.column_name = a.attname
WHERE attrelid = 'person'::regclass AND attnum > 0 ORDER BY attnum;
INSERT INTO person VALUES (1,
	'219-09-9998', '912-90-3456', 'C03005988', '1234567893',
	'1234 5678 9018', '971013-9019902', '11010519491231002X', 'AB123456C',
	'943 476 5919', '2341 2341 2346', '7000012050002',
	'4111 1111 1111 1111', '011000015', 'GB29 NWBK 6016 1331 9268 19',
	'490154203237518', '310150123456789', '00-00-5e-00-53-01', '2001:db8::1', 'EA7583CD-A667-48BC-B806-42ECB2B48606',
	'$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy');
SELECT mac_address, ip_address, advertising_id FROM person;

-- the errors of the domains show no value
DO $$
DECLARE
	domain text;
	message text;
	detail text;
BEGIN
	FOR domain IN SELECT typname FROM pg_type
		WHERE typnamespace = 'dsec'::regnamespace AND typtype = 'd' AND typbasetype = 'text'::regtype
			AND typname IN (SELECT column_name::name FROM dsec.tagged_columns WHERE relation = 'person'::regclass UNION SELECT 'corporate_number')
		ORDER BY typname COLLATE "C"
	LOOP
		BEGIN
			EXECUTE format('SELECT %L::dsec.%I', 'S3CRET', domain);
			RAISE 'accepted';
		EXCEPTION WHEN check_violation THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
			RAISE NOTICE '% %', message, detail;
		END;
	END LOOP;
END $$;
SELECT '192.0.2.1/24'::inet::dsec.ip_address;
SELECT 'ff:ff:ff:ff:ff:ff'::macaddr::dsec.mac_address;

SET client_min_messages = warning;
DROP SCHEMA types_form CASCADE;
