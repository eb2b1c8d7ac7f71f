-- The rules that come with dsec say what 28 CFR 202.205(a) to (f) says.
BEGIN;
SELECT plan(8);

SELECT results_eq(
	$$ SELECT source, category, comparator, threshold, unit, population
	   FROM dsec.rule WHERE regime = 'us_dsp' ORDER BY source, category $$,
	$$ VALUES
		('28 CFR 202.205(a)', 'human_genomic', '>', 100::bigint, 'person', 'us_person'),
		('28 CFR 202.205(a)', 'human_omic', '>', 1000, 'person', 'us_person'),
		('28 CFR 202.205(b)', 'biometric_identifier', '>', 1000, 'person', 'us_person'),
		('28 CFR 202.205(c)', 'precise_geolocation', '>', 1000, 'device', 'us_device'),
		('28 CFR 202.205(d)', 'personal_health', '>', 10000, 'person', 'us_person'),
		('28 CFR 202.205(e)', 'personal_financial', '>', 10000, 'person', 'us_person'),
		('28 CFR 202.205(f)', 'covered_identifier', '>', 100000, 'person', 'us_person') $$,
	'seven rules, with their numbers');

SELECT results_eq(
	$$ SELECT DISTINCT window_kind, window_length, counted_per, applies_to, action, valid_from, valid_to, origin
	   FROM dsec.rule WHERE regime = 'us_dsp' $$,
	$$ VALUES ('rolling', interval '12 months', 'recipient', ARRAY['covered'], 'block',
			   date '2025-04-08', NULL::date, 'shipped') $$,
	'all in the preceding 12 months, per recipient, for covered persons, since 8 April 2025');

SELECT is_empty($$ SELECT id FROM dsec.rule WHERE origin = 'shipped' AND regime <> 'us_dsp' $$,
	'no other rules are shipped');
SELECT cmp_ok((SELECT max(id) FROM dsec.rule WHERE origin = 'shipped'), '<', 10000,
	'shipped rules keep to their range of numbers');
SELECT results_eq(
	$$ SELECT name, country, source, origin FROM dsec.regime $$,
	$$ VALUES ('us_dsp', 'US', '28 CFR Part 202', 'shipped') $$, 'one regime');
SELECT results_eq(
	$$ SELECT name, parent FROM dsec.category WHERE origin = 'shipped' ORDER BY name $$,
	$$ VALUES ('biometric_identifier', NULL), ('covered_identifier', NULL),
		('human_genomic', 'human_omic'), ('human_omic', NULL), ('personal_financial', NULL),
		('personal_health', NULL), ('precise_geolocation', NULL) $$,
	'genomic data are ''omic data, too');
SELECT is_empty($$ SELECT name FROM dsec.category WHERE source IS NULL $$,
	'every category says where the law defines it');
SELECT results_eq(
	$$ SELECT name, unit FROM dsec.space WHERE origin = 'shipped' ORDER BY name $$,
	$$ VALUES ('device', 'device'), ('person', 'person') $$, 'two spaces');

SELECT * FROM finish();
ROLLBACK;
