-- The catalogue of functions that send data away: what matches, who may change
-- it, and that plans obey.  What is sent is tested with real servers in t/162.
SET client_min_messages = warning;
CREATE SCHEMA egress;
SET search_path = egress, public;
CREATE TABLE patient (id int PRIMARY KEY, name text, diagnosis text);
INSERT INTO patient SELECT i, 'n', 'd' FROM generate_series(1, 5) i;
SECURITY LABEL FOR dsec ON TABLE patient IS 'subject=id; space=person';
SECURITY LABEL FOR dsec ON COLUMN patient.diagnosis IS 'personal_health';

-- where does the plan send to?
CREATE FUNCTION sent_to(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Sent To' THEN
			RETURN NEXT btrim(line);
		END IF;
	END LOOP;
END
$$;

\echo == what comes with dsec
SELECT name, library, symbol, language, extension, function, channel, target, enabled, origin
FROM dsec.egress_function ORDER BY name COLLATE "C";
SELECT count(*) FROM dsec.egress_function WHERE note = '' OR source = '';

\echo == built-in functions
SELECT sent_to('SELECT pg_notify(name, diagnosis) FROM patient');
SELECT sent_to('SELECT pg_notify(name, id::text) FROM patient');
SELECT sent_to('SELECT lo_from_bytea(0, diagnosis::bytea) FROM patient');
SELECT sent_to('SELECT pg_logical_emit_message(false, name, diagnosis) FROM patient');
CREATE FUNCTION tell(text, text) RETURNS void LANGUAGE internal AS 'pg_notify';
SELECT sent_to('SELECT tell(name, diagnosis) FROM patient');
SELECT sent_to('SELECT CASE WHEN diagnosis = ''x'' THEN tell(''a'', ''b'') END FROM patient');
CREATE FUNCTION tells(text) RETURNS void LANGUAGE sql AS $$ SELECT pg_notify('c', $1) $$;
SELECT sent_to('SELECT tells(diagnosis) FROM patient');

\echo == rows of officers
CREATE FUNCTION mail(text) RETURNS text LANGUAGE plpgsql LEAKPROOF AS 'BEGIN RETURN $1; END';
CREATE FUNCTION mail(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION join_mail(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE AGGREGATE mail_all(text) (SFUNC = join_mail, STYPE = text, INITCOND = '');
CREATE OPERATOR @@> (FUNCTION = mail, RIGHTARG = text);
SELECT sent_to('SELECT mail(diagnosis) FROM patient');
INSERT INTO dsec.egress_function (name, function, target) VALUES ('mail', 'egress.mail', 'mail');
INSERT INTO dsec.egress_function (name, function) VALUES ('join', 'egress.join_mail(pg_catalog.text,pg_catalog.text)');
SELECT sent_to('SELECT mail(diagnosis) FROM patient');
SELECT sent_to('SELECT mail(length(diagnosis)) FROM patient');
SELECT sent_to('SELECT @@> diagnosis FROM patient');
SELECT sent_to('SELECT mail_all(diagnosis) FROM patient');
SELECT sent_to('SELECT count(*) FROM patient, mail(diagnosis) m');
SELECT sent_to('SELECT mail(name) FROM patient');
UPDATE dsec.egress_function SET function = 'egress.mail(integer)' WHERE name = 'mail';
SELECT sent_to('SELECT mail(diagnosis) FROM patient');
SELECT sent_to('SELECT mail(length(diagnosis)) FROM patient');
ALTER FUNCTION mail(int) RENAME TO post;
SELECT sent_to('SELECT post(length(diagnosis)) FROM patient');
INSERT INTO dsec.egress_function (name, language, symbol) VALUES ('lang', 'plpgsql', 'post');
SELECT sent_to('SELECT post(length(diagnosis)) FROM patient');
DELETE FROM dsec.egress_function WHERE name IN ('mail', 'lang');
SELECT sent_to('SELECT post(length(diagnosis)) FROM patient');

\echo == plans obey
PREPARE p AS SELECT mail(diagnosis) FROM patient;
SELECT sent_to('EXECUTE p');
INSERT INTO dsec.egress_function (name, function) VALUES ('mail', 'egress.mail');
SELECT sent_to('EXECUTE p');
BEGIN;
UPDATE dsec.egress_function SET enabled = false WHERE name = 'mail';
SELECT sent_to('EXECUTE p');
ROLLBACK;
SELECT sent_to('EXECUTE p');
DEALLOCATE p;

\echo == who may
INSERT INTO dsec.egress_function (name) VALUES ('nothing');
DELETE FROM dsec.egress_function WHERE name = 'dblink';
CREATE ROLE egress_nobody;
CREATE ROLE egress_officer IN ROLE dsec_officer;
SET ROLE egress_nobody;
INSERT INTO dsec.egress_function (name, function) VALUES ('x', 'x.y');
SELECT count(*) FROM dsec.egress_function;
SET ROLE egress_officer;
UPDATE dsec.egress_function SET enabled = false WHERE name = 'pg_notify' RETURNING origin;
RESET ROLE;
SELECT sent_to('SELECT pg_notify(name, diagnosis) FROM patient');

DROP SCHEMA egress CASCADE;
UPDATE dsec.egress_function SET enabled = true WHERE name = 'pg_notify';
DELETE FROM dsec.egress_function WHERE name IN ('mail', 'join');
DROP ROLE egress_nobody, egress_officer;
