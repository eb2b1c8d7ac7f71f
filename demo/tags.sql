SECURITY LABEL FOR dsec ON TABLE hospital.patient IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN hospital.patient.national_id IS 'listed_identifier; class=gov_id';
SECURITY LABEL FOR dsec ON COLUMN hospital.patient.email IS 'listed_identifier; class=contact';

SECURITY LABEL FOR dsec ON DOMAIN hospital.icd10 IS 'personal_health';
SECURITY LABEL FOR dsec ON TABLE hospital.diagnosis IS 'subject=patient_id; space=person';

SECURITY LABEL FOR dsec ON TABLE hospital.genome IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN hospital.genome.genotype IS 'human_genomic';

SECURITY LABEL FOR dsec ON TABLE hospital.payment IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN hospital.payment.amount IS 'personal_financial';

SELECT dsec.tag('hospital.device_position', 'subject=device_id; space=device');
SELECT dsec.tag('hospital.device_position', 'latitude', 'precise_geolocation');
SELECT dsec.tag('hospital.device_position', 'longitude', 'precise_geolocation');
