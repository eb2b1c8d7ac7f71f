-- A hospital that does not exist: 120,000 people who do not exist, drawn by a
-- random generator with a fixed seed.  Plain tables, except that card numbers and
-- genetic markers are of types that come with dsec.
SELECT setseed(0.42);
CREATE SCHEMA hospital;

CREATE TABLE hospital.patient (
	patient_id bigint PRIMARY KEY,
	national_id text NOT NULL UNIQUE,
	email text NOT NULL,
	birth_year int NOT NULL,
	district text NOT NULL);

CREATE DOMAIN hospital.icd10 AS text CHECK (VALUE ~ '^[A-Z][0-9]{2}(\.[0-9])?$');

CREATE TABLE hospital.diagnosis (
	diagnosis_id bigint PRIMARY KEY,
	patient_id bigint NOT NULL REFERENCES hospital.patient,
	noted_on date NOT NULL,
	code hospital.icd10 NOT NULL);

CREATE TABLE hospital.genome (
	sample_id bigint PRIMARY KEY,
	patient_id bigint NOT NULL REFERENCES hospital.patient,
	marker dsec.rsid NOT NULL,
	genotype text NOT NULL);

CREATE TABLE hospital.device (
	device_id bigint PRIMARY KEY,
	patient_id bigint NOT NULL REFERENCES hospital.patient,
	model text NOT NULL);

CREATE TABLE hospital.device_position (
	device_id bigint NOT NULL REFERENCES hospital.device,
	seen_at timestamptz NOT NULL,
	latitude numeric(8, 5) NOT NULL,
	longitude numeric(8, 5) NOT NULL,
	PRIMARY KEY (device_id, seen_at));

CREATE TABLE hospital.payment (
	payment_id bigint PRIMARY KEY,
	patient_id bigint NOT NULL REFERENCES hospital.patient,
	paid_at timestamptz NOT NULL,
	card dsec.payment_card NOT NULL,
	amount numeric(10, 2) NOT NULL);

-- fifteen digits and the check digit that makes them a card number
CREATE FUNCTION hospital.card_number(digits text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT digits || (10 - sum(CASE WHEN i % 2 = 1 THEN (d * 2) / 10 + (d * 2) % 10 ELSE d END) % 10) % 10
	FROM (SELECT i, substr(digits, i, 1)::int AS d FROM generate_series(1, 15) i) AS digit
$$;

INSERT INTO hospital.patient
SELECT i, 'XH-' || lpad((i * 7919 % 1000003)::text, 7, '0'), 'patient' || i || '@example.org',
	1930 + (random() * 85)::int,
	(ARRAY['Northgate', 'Old Harbour', 'Mill Valley', 'Lakeside', 'Hilltop'])[1 + (random() * 4)::int]
FROM generate_series(1, 120000) i;

-- the first two thousand have had their genome read, at three markers each
INSERT INTO hospital.genome
SELECT 3 * p + m, 1 + p, 'rs' || (1000 + 37 * m + (random() * 20)::int),
	(ARRAY['AA', 'AG', 'GG', 'CT', 'CC', 'TT'])[1 + (random() * 5)::int]
FROM generate_series(0, 1999) p, generate_series(0, 2) m;

INSERT INTO hospital.diagnosis
SELECT i, 1 + (random() * 119999)::bigint, date '2024-01-01' + (random() * 700)::int,
	(ARRAY['E11.9', 'I10', 'J45.0', 'F32.1', 'C50.9', 'B20', 'G35', 'Z34.0'])[1 + (random() * 7)::int]
FROM generate_series(1, 250000) i;

INSERT INTO hospital.device
SELECT i, 1 + (random() * 119999)::bigint, (ARRAY['pump', 'pacemaker', 'glucose meter'])[1 + (random() * 2)::int]
FROM generate_series(1, 15000) i;

INSERT INTO hospital.device_position
SELECT d, timestamptz '2026-01-01 00:00+00' + t * interval '6 hours', 48 + random(), 2 + random()
FROM generate_series(1, 15000) d, generate_series(1, 4) t;

INSERT INTO hospital.payment
SELECT i, 1 + (random() * 119999)::bigint, timestamptz '2025-01-01 00:00+00' + random() * interval '500 days',
	hospital.card_number('400000' || lpad((random() * 999999999)::bigint::text, 9, '0')),
	(5 + random() * 900)::numeric(10, 2)
FROM generate_series(1, 60000) i;

-- the login role of a company that works with the hospital
CREATE ROLE partner LOGIN;
GRANT USAGE ON SCHEMA hospital TO partner;
GRANT SELECT ON ALL TABLES IN SCHEMA hospital TO partner;

ANALYZE;
