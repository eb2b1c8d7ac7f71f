SECURITY LABEL FOR dsec ON TABLE bench.reading IS 'subject=patient_id; space=person';
SECURITY LABEL FOR dsec ON COLUMN bench.reading.value IS 'personal_health';
