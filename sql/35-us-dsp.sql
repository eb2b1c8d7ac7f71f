/* ------------------------------------------------------------------------
 * 28 CFR Part 202, the Data Security Program of the US Department of Justice:
 * its bulk thresholds, section 202.205(a) to (f).
 *
 * "More than": exactly the threshold is not bulk.  Nothing here is legal advice.
 * ------------------------------------------------------------------------ */

INSERT INTO dsec.regime (name, title, country, source, url, note, origin) VALUES
	('us_dsp',
	 'Preventing Access to U.S. Sensitive Personal Data and Government-Related Data by Countries of Concern or Covered Persons',
	 'US', '28 CFR Part 202', 'https://www.ecfr.gov/current/title-28/chapter-I/part-202',
	 '90 FR 1636, in force since 8 April 2025', 'shipped');

INSERT INTO dsec.space (name, unit, description, origin) VALUES
	('person', 'person', 'people, by whatever key identifies one', 'shipped'),
	('device', 'device', 'devices, by whatever key identifies one', 'shipped');

INSERT INTO dsec.category (name, parent, description, source, origin) VALUES
	('human_omic', NULL,
	 'human ''omic data: genomic, epigenomic, proteomic and transcriptomic', '28 CFR 202.224', 'shipped'),
	('human_genomic', 'human_omic',
	 'human genomic data: nucleic acid sequences, whole or in part, and results of genetic tests', '28 CFR 202.224', 'shipped'),
	('biometric_identifier', NULL,
	 'physical characteristics or behaviours by which a person is recognised', '28 CFR 202.204', 'shipped'),
	('precise_geolocation', NULL,
	 'where a person or device is or was, to within 1,000 meters', '28 CFR 202.242', 'shipped'),
	('personal_health', NULL,
	 'what indicates, reveals or describes a person''s health, care or payment for care', '28 CFR 202.241', 'shipped'),
	('personal_financial', NULL,
	 'cards, bank accounts, purchases, payment history, statements and credit reports of a person', '28 CFR 202.240', 'shipped'),
	('covered_identifier', NULL,
	 'covered personal identifiers: listed identifiers in combination', '28 CFR 202.212, 202.234', 'shipped');

INSERT INTO dsec.rule (id, regime, category, comparator, threshold, unit, population,
					   window_kind, window_length, counted_per, applies_to, action,
					   valid_from, source, origin) VALUES
	(1, 'us_dsp', 'human_omic', '>', 1000, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(a)', 'shipped'),
	(2, 'us_dsp', 'human_genomic', '>', 100, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(a)', 'shipped'),
	(3, 'us_dsp', 'biometric_identifier', '>', 1000, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(b)', 'shipped'),
	(4, 'us_dsp', 'precise_geolocation', '>', 1000, 'device', 'us_device',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(c)', 'shipped'),
	(5, 'us_dsp', 'personal_health', '>', 10000, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(d)', 'shipped'),
	(6, 'us_dsp', 'personal_financial', '>', 10000, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(e)', 'shipped'),
	(7, 'us_dsp', 'covered_identifier', '>', 100000, 'person', 'us_person',
	 'rolling', '12 months', 'recipient', '{covered}', 'block', '2025-04-08', '28 CFR 202.205(f)', 'shipped');
