-- Tagging types of contact and demography
SET client_min_messages = warning;
CREATE SCHEMA types_contact;
SET search_path = types_contact;
RESET client_min_messages;
\pset null -

-- RFC 5321 and 5322, and the collections of examples made from them
SELECT v, dsec.is_email(v) FROM unnest('{
	simple@example.com, very.common@example.com, x@example.com, long.email-address-with-hyphens@and.subdomains.example.com,
	user.name+tag+sorting@example.com, name/surname@example.com, admin@example, example@s.example,
	\" \"@example.org, \"john..doe\"@example.org, mailhost!username@example.org,
	user%example.com@example.org, user-@example.org, postmaster@[123.123.123.123],
	postmaster@[IPv6:2001:0db8:85a3:0000:0000:8a2e:0370:7334], _test@[IPv6:2001:db8::1], x@[IPv6:::], x@[IPv6:::ffff:192.0.2.1],
	Pelé@example.com, δοκιμή@παράδειγμα.δοκιμή, 我買@屋企.香港, 1234567890@example.com, "a@xn--e1afmkfd.example"}'::text[]) v;
SELECT v, dsec.is_email(v) FROM unnest('{
	abc.example.com, a@b@c@example.com, "a\"b(c)d,e:f;g<h>i[j\\k]l@example.com", "just\"not\"right@example.com",
	"this is\"not\\allowed@example.com", i.like.underscores@but_they_are_not_allowed_in_this_part,
	.a@example.com, a.@example.com, a..b@example.com, @example.com, a@, a, "", " a@example.com", "a@example.com ",
	a@-example.com, a@example-.com, a@example..com, a@.example.com, a@example.com., "a@exa mple.com",
	\"\"\"@example.com, \"a@example.com, \"\\\", \"a\"b@example.com, \"a\\\"@example.com,
	a@[256.1.1.1], a@[1.2.3], a@[1.2.3.4, a@[1.2.3.4.5], a@[IPv6:1::2::3], a@[IPv6:1:2:3:4:5:6:7], a@[IPv6:1:2:3:4:5:6:7:8:9],
	a@[IPv6:12345::], a@[IPv6:], a@[2001:db8::1], a@[IPv6:1:2:3:4:5:6:7:], a@[IPv6::1]}'::text[]) v;
SELECT dsec.is_email(E'a\n@example.com'), dsec.is_email(E'"a\n"@example.com'), dsec.is_email(E'a@example.com\n');
SELECT dsec.is_email($$"very.(),:;<>[]\".VERY.\"very@\\ \"very\".unusual"@strange.example.com$$);
-- 64, 63 and 254 bytes
SELECT dsec.is_email(repeat('a', 64) || '@b.example') AS local64, dsec.is_email(repeat('a', 65) || '@b.example') AS local65,
	dsec.is_email('a@' || repeat('b', 63) || '.example') AS label63, dsec.is_email('a@' || repeat('b', 64) || '.example') AS label64,
	dsec.is_email('a@' || repeat('bcd.', 62) || 'bcde') AS total254, dsec.is_email('a@' || repeat('bcd.', 62) || 'bcdef') AS total255,
	dsec.is_email('a@' || repeat('b.', 10000000) || 'c') AS long;

SELECT v, dsec.is_phone_e164(v) FROM unnest('{
	+14155552671, +442071838750, +551155256325, +81312345678, +6834000, +123456789012345, +12,
	+1234567890123456, 14155552671, +014155552671, +1-415-555-2671, "+1 415 555 2671", 00442071838750, +, +1, "", ++14155552671, +1415555267a, "+14155552671 "}'::text[]) v;

SELECT v, dsec.is_person_name(v) FROM unnest('{
	Ada Lovelace, O''Brien, 山田太郎, María José Carreño Quiñones, Henry VIII, X Æ A-12, "de la Cruz, Juana", Ng, J, محمد,
	"", " ", 42, ---}'::text[]) v;
SELECT dsec.is_person_name(E'Ada\nLovelace'), dsec.is_person_name(E'Ada\tLovelace'), dsec.is_person_name(E'Ada\x7f'),
	dsec.is_person_name(U&'Ada\0085'), dsec.is_person_name(U&'Ada\00A0B'), dsec.is_person_name(repeat('a', 1000)), dsec.is_person_name(repeat('a', 1001));

SELECT dsec.is_postal_address('1600 Pennsylvania Avenue NW, Washington, DC 20500'), dsec.is_postal_address(E'10 Downing Street\nLondon SW1A 2AA'),
	dsec.is_postal_address(E'Platz der Republik 1\r\n11011 Berlin'), dsec.is_postal_address('〒100-0014 東京都千代田区永田町1丁目7-1'), dsec.is_postal_address('1');
SELECT dsec.is_postal_address(''), dsec.is_postal_address(' '), dsec.is_postal_address(E'\n'), dsec.is_postal_address('--'), dsec.is_postal_address(E'1 Road\tTown'),
	dsec.is_postal_address(E'1 Road\rTown'), dsec.is_postal_address(E'1 Road\x08'), dsec.is_postal_address(repeat('a', 2001));

SELECT v, dsec.is_birth_date(v), CASE WHEN v !~ '^(19|20|21|22|18)..-(02-[23]|13|00|04-31)' OR v ~ '-02-2[0-8]$|2000-02-29' THEN dsec.is_birth_date(v::date) END AS date
FROM unnest('{1850-01-01, 1849-12-31, 1900-02-28, 2000-02-29, 2199-12-31, 2200-01-01, 1900-02-29, 2001-02-29, 1990-13-01, 1990-00-10, 1990-04-31}'::text[]) v;
SELECT v, dsec.is_birth_date(v) FROM unnest('{1990-1-1, 19900101, 01/02/1990, "1990-01-01 ", "", 1990-01-01T00:00}'::text[]) v;
SELECT dsec.is_birth_date('infinity'::date), dsec.is_birth_date('-infinity'::date), dsec.is_birth_date('4714-11-24 BC'::date), dsec.is_birth_date('5874897-12-31'::date);

-- every validator is strict, immutable and leakproof; an error shows no value
SELECT dsec.is_email(NULL), dsec.is_phone_e164(NULL), dsec.is_person_name(NULL), dsec.is_postal_address(NULL), dsec.is_birth_date(NULL::date);
CREATE TABLE contact (id int PRIMARY KEY, email dsec.email, phone dsec.phone_e164, address dsec.postal_address, name dsec.person_name, born dsec.birth_date);
SELECT column_name, tag, category, class, source, problem FROM dsec.tagged_columns WHERE relation = 'contact'::regclass ORDER BY 1;
INSERT INTO contact VALUES (1, 'a@example.com', '+14155552671', '1 Road', 'Ada Lovelace', '1815-12-10'::date + 36500);
INSERT INTO contact (id, email) VALUES (2, 'secret@@example.com');
INSERT INTO contact (id, phone) VALUES (2, '0123');
INSERT INTO contact (id, address) VALUES (2, '');
INSERT INTO contact (id, name) VALUES (2, '42');
INSERT INTO contact (id, born) VALUES (2, '1815-12-10');
-- a field of everything that only has tagging types is tagged but for the subject
ALTER TABLE contact DROP COLUMN id;
SELECT count(*) FROM pg_attribute a WHERE attrelid = 'contact'::regclass AND attnum > 0 AND NOT attisdropped
	AND NOT EXISTS (SELECT FROM dsec.tagged_columns WHERE relation = attrelid AND column_name = attname AND source = 'type');

SET client_min_messages = warning;
DROP SCHEMA types_contact CASCADE;
