-- Tagging types of biometric templates
SET client_min_messages = warning;
CREATE SCHEMA types_biometric;
SET search_path = types_biometric;
RESET client_min_messages;

-- a record: identifier, version, length in so many bytes, and the rest
CREATE FUNCTION record(magic text, version text, says bigint, width int, bytes int) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
	SELECT substr(convert_to(magic, 'UTF8') || '\x00' || convert_to(version, 'UTF8') || '\x00' ||
				  substr(int8send(says), 9 - width) || decode(repeat('00', bytes), 'hex'), 1, bytes) $$;
SELECT what, length(r), dsec.is_face_template(r) AS face, dsec.is_fingerprint_template(r) AS finger, dsec.is_iris_template(r) AS iris, dsec.is_voiceprint(r) AS voice
FROM (VALUES
	('proprietary', '\x00'::bytea),
	('proprietary, begins as a record', 'FM'),
	('nothing', ''),
	('ISO/IEC 19794-2:2005', record('FMR', ' 20', 26, 4, 26)),
	('ISO/IEC 19794-2:2011', record('FMR', '030', 54, 4, 54)),
	('ANSI/INCITS 378-2004', record('FMR', ' 20', 32, 2, 32)),
	('ANSI/INCITS 378-2004, long', record('FMR', ' 20', 70000, 6, 70000)),
	('minutiae, one byte short', record('FMR', ' 20', 27, 4, 26)),
	('minutiae, one byte more', record('FMR', ' 20', 25, 4, 26)),
	('minutiae, no length', record('FMR', ' 20', 0, 4, 26)),
	('minutiae, header only begun', 'FMR\000 20\000'),
	('minutiae, identifier only', 'FMR\000'),
	('ISO/IEC 19794-4:2005', record('FIR', '010', 100000, 6, 100000)),
	('ISO/IEC 19794-4:2011', record('FIR', '020', 60, 4, 60)),
	('finger image, wrong length', record('FIR', '010', 61, 6, 60)),
	('ISO/IEC 19794-5:2005', record('FAC', '010', 14, 4, 14)),
	('ISO/IEC 19794-5:2011', record('FAC', '030', 40, 4, 40)),
	('face, wrong length', record('FAC', '010', 15, 4, 14)),
	('face, two-byte length', record('FAC', '010', 32, 2, 32)),
	('ISO/IEC 19794-6:2011', record('IIR', '020', 45, 4, 45)),
	('iris, wrong length', record('IIR', '020', 46, 4, 45))
) v(what, r);
SELECT dsec.is_face_template(NULL), dsec.is_fingerprint_template(NULL), dsec.is_iris_template(NULL), dsec.is_voiceprint(NULL);

CREATE TABLE enrolled (face dsec.face_template, finger dsec.fingerprint_template, iris dsec.iris_template, voice dsec.voiceprint);
SELECT column_name, tag, category, class, source, problem FROM dsec.tagged_columns WHERE relation = 'enrolled'::regclass ORDER BY 1;
INSERT INTO enrolled VALUES (record('FAC', '010', 14, 4, 14), record('FMR', ' 20', 26, 4, 26), record('IIR', '020', 45, 4, 45), '\x01');
INSERT INTO enrolled (face) VALUES (record('FAC', '010', 15, 4, 14));
INSERT INTO enrolled (finger) VALUES (record('FAC', '010', 14, 4, 14));
INSERT INTO enrolled (iris) VALUES ('');
INSERT INTO enrolled (voice) VALUES (record('FMR', ' 20', 26, 4, 26));
-- stored out of line and compressed, the length is still that of the record
ALTER TABLE enrolled ALTER face SET STORAGE extended, ALTER finger SET STORAGE external;
INSERT INTO enrolled (face, finger) VALUES (record('FAC', '010', 3000000, 4, 3000000), record('FIR', '010', 3000000, 6, 3000000));
SELECT dsec.is_face_template(face), dsec.is_fingerprint_template(finger), dsec.is_face_template(finger) FROM enrolled WHERE voice IS NULL;

SET client_min_messages = warning;
DROP SCHEMA types_biometric CASCADE;
