-- Every object of the extension explains itself, and nothing is open to
-- everybody unless it is meant to be.
BEGIN;
SELECT plan(6);

-- objects that belong to the extension, by catalogue
CREATE TEMP VIEW member AS
SELECT classid, objid
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dsec')
	AND deptype = 'e';

SELECT is_empty($$
	SELECT p.oid::regprocedure
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE obj_description(p.oid, 'pg_proc') IS NULL
	ORDER BY 1::text $$, 'every function has a comment');

SELECT is_empty($$
	SELECT c.oid::regclass
	FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
	WHERE c.relkind IN ('r', 'v', 'm', 'p') AND obj_description(c.oid, 'pg_class') IS NULL
	ORDER BY 1::text $$, 'every table and view has a comment');

SELECT is_empty($$
	SELECT t.oid::regtype
	FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typelem = 0 AND obj_description(t.oid, 'pg_type') IS NULL
		OR t.typtype = 'c' AND obj_description(t.oid, 'pg_type') IS NULL
		AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
	ORDER BY 1::text $$, 'every type has a comment');

-- What everybody may call: input and output of types, and
CREATE TEMP TABLE open_to_all (name text, why text);
INSERT INTO open_to_all VALUES
	('tag_spec_eq', 'computes on values that the caller holds'),
	('tag_spec_ne', 'computes on values that the caller holds'),
	('category', 'computes on values that the caller holds'),
	('attribute', 'computes on values that the caller holds'),
	('is_us_ssn', 'check of a type, computes on the value'),
	('is_us_itin', 'check of a type, computes on the value'),
	('is_us_passport', 'check of a type, computes on the value'),
	('is_us_npi', 'check of a type, computes on the value'),
	('is_my_number', 'check of a type, computes on the value'),
	('is_corporate_number', 'check of a type, computes on the value'),
	('is_kr_rrn', 'check of a type, computes on the value'),
	('is_cn_resident_id', 'check of a type, computes on the value'),
	('is_uk_nino', 'check of a type, computes on the value'),
	('is_uk_nhs_number', 'check of a type, computes on the value'),
	('is_aadhaar', 'check of a type, computes on the value'),
	('is_payment_card', 'check of a type, computes on the value'),
	('is_us_aba', 'check of a type, computes on the value'),
	('is_iban', 'check of a type, computes on the value'),
	('is_imei', 'check of a type, computes on the value'),
	('is_imsi', 'check of a type, computes on the value'),
	('is_mac_address', 'check of a type, computes on the value'),
	('is_ip_address', 'check of a type, computes on the value'),
	('is_advertising_id', 'check of a type, computes on the value'),
	('is_password_hash', 'check of a type, computes on the value'),
	('is_rsid', 'check of a type, computes on the value'),
	('subject_set_or', 'computes on values that the caller holds'),
	('subject_set_and', 'computes on values that the caller holds'),
	('subject_set_minus', 'computes on values that the caller holds'),
	('subject_set_contains', 'computes on values that the caller holds'),
	('subject_set_contained', 'computes on values that the caller holds'),
	('subject_set_eq', 'computes on values that the caller holds'),
	('subject_set_ne', 'computes on values that the caller holds'),
	('subject_set_hash', 'computes on values that the caller holds'),
	('subject_set_hash_extended', 'computes on values that the caller holds'),
	('subject_set_from_text', 'computes on values that the caller holds'),
	('cardinality', 'computes on values that the caller holds'),
	('subject_set_union', 'computes on values that the caller holds'),
	('subject_set', 'hashes keys that the caller holds; the ledger''s hashes are shown to nobody'),
	('subject_count', 'computes on values that the caller holds'),
	('over_threshold', 'computes on values that the caller holds'),
	('bulk', 'computes on values that the caller holds; thresholds are law'),
	('bulk_report', 'reads with the rights of the caller'),
	('is_email', 'check of a type, computes on the value'),
	('is_phone_e164', 'check of a type, computes on the value'),
	('is_postal_address', 'check of a type, computes on the value'),
	('is_person_name', 'check of a type, computes on the value'),
	('is_birth_date', 'check of a type, computes on the value'),
	('is_icd10', 'check of a type, computes on the value'),
	('is_loinc', 'check of a type, computes on the value'),
	('is_ndc', 'check of a type, computes on the value'),
	('is_hgvs', 'check of a type, computes on the value'),
	('is_vcf_genotype', 'check of a type, computes on the value'),
	('is_nucleotide_sequence', 'check of a type, computes on the value'),
	('is_face_template', 'check of a type, computes on the value'),
	('is_fingerprint_template', 'check of a type, computes on the value'),
	('is_iris_template', 'check of a type, computes on the value'),
	('is_voiceprint', 'check of a type, computes on the value'),
	('is_latlon', 'check of a type, computes on the value'),
	('latlon', 'computes on values that the caller holds'),
	('point', 'computes on values that the caller holds'),
	('latitude', 'computes on values that the caller holds'),
	('longitude', 'computes on values that the caller holds'),
	('distance', 'computes on values that the caller holds'),
	('latlon_typmod_in', 'computes on values that the caller holds'),
	('latlon_typmod_out', 'computes on values that the caller holds'),
	('latlon_eq', 'computes on values that the caller holds'),
	('latlon_ne', 'computes on values that the caller holds'),
	('latlon_lt', 'computes on values that the caller holds'),
	('latlon_le', 'computes on values that the caller holds'),
	('latlon_gt', 'computes on values that the caller holds'),
	('latlon_ge', 'computes on values that the caller holds'),
	('latlon_cmp', 'computes on values that the caller holds'),
	('latlon_hash', 'computes on values that the caller holds'),
	('latlon_hash_extended', 'computes on values that the caller holds'),
	('tag', 'for owners; refuses the others itself'),
	('untag', 'for owners; refuses the others itself'),
	('tagged_column_rows', 'shows what the caller may read'),
	('tagged_columns', 'shows what the caller may read'),
	('charge', 'planted in the plans of whoever reads; refuses to be called from SQL'),
	('status', 'whether a database is protected is no secret');

SELECT is_empty($$
	SELECT p.oid::regprocedure
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
				  WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
		AND p.proname NOT IN (SELECT name FROM open_to_all)
		AND NOT EXISTS (SELECT FROM pg_type t
						WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
	ORDER BY 1::text $$, 'no function is open to everybody unless listed');

SELECT is_empty($$
	SELECT c.oid::regclass, a.privilege_type
	FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid,
		aclexplode(c.relacl) a
	WHERE a.grantee = 0 AND c.relname NOT IN (SELECT name FROM open_to_all)
	ORDER BY 1::text $$, 'no table or view is open to everybody unless listed');

SELECT is_empty($$
	SELECT p.oid::regprocedure
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE p.prosecdef
		AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
	ORDER BY 1::text $$, 'functions with their owner''s rights fix search_path');

SELECT * FROM finish();
ROLLBACK;
