-- Tagging types of health and genetics
SET client_min_messages = warning;
CREATE SCHEMA types_health;
SET search_path = types_health;
RESET client_min_messages;

-- WHO ICD-10 and ICD-10-CM
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_icd10(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_icd10(v)) AS invalid
FROM unnest('{A00, A00.0, I10, E11.9, E119, U07.1, C7A.00, M1A.0110, S72.001A, S72001A, T36.0X1A, O9A.211, Z99.89, V97.33XD,
	"", A0, A, 10.1, AA0, A0C, A00., A00.12345, S72001AA, a00, A00.0a, "A00 ", " A00", A00-0, A00..1, A00.1.2, Á00}'::text[]) v;

-- the example of the LOINC Users' Guide, and codes in use
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_loinc(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_loinc(v)) AS invalid
FROM unnest('{12345-5, 2345-7, 718-7, 4548-4, 94500-6, 1-8, 8867-4, 8480-6, 29463-7,
	12345-6, 2345-8, 94500-0, 2345, 23457, -7, 2345-, 2345-77, 02345-7, LP14635-4, LA6576-8, "2345-7 ", 2345–7, 123456789-7, ""}'::text[]) v;
-- of ten check digits exactly one is right
SELECT n, count(*) FROM generate_series(1, 9) n, generate_series(0, 9) d
WHERE dsec.is_loinc(left('918273645', n) || '-' || d) GROUP BY n ORDER BY n;

-- FDA and HIPAA
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_ndc(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_ndc(v)) AS invalid
FROM unnest('{0002-3227-30, 0777-3105-02, 50242-040-62, 60574-4114-1, 55154-2080-0, 00777-3105-02, 00777310502,
	0777310502, 777-3105-02, 0777-31050-2, 0777-3105, 0777-3105-2, 00777-310-502, 0777--3105-02, 0777-3105-0a, "0777-3105-02 ", 007773105021, ""}'::text[]) v;

-- dbSNP
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_rsid(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_rsid(v)) AS invalid
FROM unnest('{rs1, rs7412, rs429358, rs2147483648, rs0, rs01, rs, RS1, ss1, 7412, rs1a, "rs1 "}'::text[]) v;

-- VCF 4.3, and the phase in front of 4.4
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_vcf_genotype(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_vcf_genotype(v)) AS invalid
FROM unnest('{0/0, 0/1, 1|0, ./., .|., 0, 1, ".", 2/10, 0|0|1, 0/1/1/2, ./1, /0/1, |0|1, |1, 0/1|2,
	"", /, |, 0/, 0//1, //0, 0\\1, 01/1, 0/00, A/T, -1/0, 0/1/, ../0, "0/1 ", 0:1, 1234567890/0}'::text[]) v;

-- IUPAC codes
SELECT string_agg(v, ' ') FILTER (WHERE dsec.is_nucleotide_sequence(v)) AS valid, string_agg('"' || v || '"', ' ') FILTER (WHERE NOT dsec.is_nucleotide_sequence(v)) AS invalid
FROM unnest('{GATTACA, acgu, A, N, ACGTURYSWKMBDHVN, acgturyswkmbdhvn, AC--GT, ac..gt,
	"", -, ..., ACGT E, "ACGT ", ACGTX, ACGTZ, ACGTO, AC*GT, 123, ÅCGT}'::text[]) v;
SELECT chr(i) FROM generate_series(1, 127) i WHERE dsec.is_nucleotide_sequence('A' || chr(i));
SELECT dsec.is_nucleotide_sequence(repeat('ACGTN-', 5000000)), dsec.is_nucleotide_sequence(repeat('ACGTN-', 5000000) || 'X');

-- HGVS: examples from hgvs-nomenclature.org; the list of refused ones is empty
SELECT v FROM unnest('{
	NC_000023.10:g.33038255C>A, NM_004006.2:c.4375C>T, NG_012232.1(NM_004006.2):c.93+1G>T, LRG_199t1:c.79_80delinsTT,
	NM_004006.2:c.123=, NM_004006.2:c.-14G>C, NM_004006.2:c.*46T>A, NM_004006.2:c.87+1_88-1del, NC_012920.1:m.8993T>G, NR_002196.1:n.601G>T, J01749.1:o.4344_197dup,
	LRG_199t1:c.85=/T>C, LRG_199t1:c.85=//T>C,
	NC_000023.11:g.33344591del, NC_000023.11:g.32343183dup, NM_004006.2:c.20_23dup, NM_007294.4:c.5266dupC,
	NC_000023.11:g.(31060227_31100351)_(33274278_33417151)dup, NC_000023.11:g.(?_31120496)_(33339477_?)del,
	NC_000023.10:g.32386323_32386324insGA, NM_004006.2:c.849_850ins858_895, NM_004006.2:c.849_850ins850_900inv, NC_000002.11:g.48031621_48031622ins[TAT;48026961_48027223;GGC],
	ENST00000357033.8:c.87_88insNC_000022.10:g.35788169_35788352, NC_000006.11:g.8897754_8897755insN[3], NM_004006.2:c.761_762insN, NM_004006.2:c.762_763ins(5),
	NC_000023.10:g.32361330_32361333inv, NM_004006.2:c.5657_5660inv, NM_004006.2:c.812_829delinsN[12],
	NC_000014.8:g.123CAG[23], NC_000003.12:g.63912687AGC[13], NM_000492.3:c.1210-33_1210-6GT[11]T[6], NM_004006.2:c.-128_-126[79], NM_004006.2:c.-128_-126[(600_800)],
	NC_000001.11:g.[123G>A;345del], NC_000001.11:g.[123G>A];[345del], NC_000001.11:g.123G>A(;)345del, LRG_199t1:c.[2376G>C];[?], LRG_199t1:c.2376G>C(;)(2376G>C),
	NC_000011.10:g.1999904_1999946|gom, NC_000011.10:g.1999904_1999946|met=, NC_000023.11:g.pter_qtersup,
	NC_000002.12:g.pter_8247756delins[NC_000011.10:g.pter_15825266],
	NM_004006.3:r.123c>g, LRG_199t1:r.spl, NM_004006.3:r.(spl?), NM_004006.3:r.0, NM_004006.3:r.?, NM_004006.3:r.=, NM_004006.3:r.85=/u>c, NM_004006.3:r.-110_-108[6], "NM_004006.3:r.[897u>g,832_960del]",
	NP_003997.1:p.Trp24Cys, NP_003997.1:p.(Trp24Cys), NP_003997.1:p.Trp24Ter, LRG_199p1:p.Trp24*, NP_003997.1:p.W24*, NP_003997.1:p.Cys188=, LRG_199p1:p.0, LRG_199p1:p.0?, LRG_199p1:p.Met1?, LRG_199p1:p.?, LRG_199p1:p.(=),
	NP_003997.1:p.(Gly56Ala^Ser^Cys), LRG_199p1:p.Trp24=/Cys, NP_003997.2:p.Val7del, NP_003997.2:p.Lys23_Val25del, NP_003997.2:p.(Pro458_Gly460del), NP_003997.2:p.Val7=/del, NP_003997.2:p.Lys23_Val25dup,
	NP_004371.2:p.(Pro46_Asn47insSerSerTer), NP_003997.1:p.Lys2_Gly3insGlnSerLys, NP_060250.2:p.Gln746_Lys747ins*63, NP_003997.1:p.Arg78_Gly79insXaa[23], NP_003997.1:p.(Val582_Asn583insXXXXX),
	NP_003997.1:p.Cys28delinsTrpVal, NP_003997.1:p.C28_L29delinsW, NP_003997.1:p.[Ser68Arg;Asn594del], NP_003997.1:p.[Ser68Arg];[Ser68=], NP_003997.1:p.(Ser73Arg)(;)(Asn103del), NP_003997.1:p.[(Ser73Arg;Asn103del)], "NP_003997.1:p.[Lys31Asn,Val25_Lys31del]",
	NP_0123456.1:p.Ala2[10], NP_0123456.1:p.Ala2[10];[11], NC_000014.8:g.101179660_101179695TG[14];[18], NP_0123456.1:p.(Gln18)[(70_80)], NP_0123456.1:p.Arg97ProfsTer23, NP_0123456.1:p.Arg97fs, NP_0123456.1:p.(Tyr4*), NP_0123456.1:p.Ile327Argfs*?,
	NP_003997.2:p.Met1ext-5, NP_003997.2:p.Met1Valext-12, NP_003997.2:p.Ter110GlnextTer17, NP_003997.2:p.*110Glnext*17, NP_003997.2:p.(Ter315TyrextAsnLysGlyThrTer)}'::text[]) v
WHERE dsec.is_hgvs(v) IS NOT TRUE;
-- and what is none; the list of accepted ones is empty
SELECT v FROM unnest('{
	"", c.123A>G, NM_004006.2, "NM_004006.2:", NM_004006.2:c., NM_004006.2:123A>G, NM_004006.2:x.123A>G, NM_004006.2:c.123, NM_004006.2:c.A123G,
	NM_004006.2:c.123A>, NM_004006.2:c.123A>Z, NM_004006.2:c.123a>g, NM_004006.2:c.123A->G, NM_004006.2:c.123A>U, NM_004006.2:c.123_del, NM_004006.2:c.(123A>G, NM_004006.2:c.[123A>G, NM_004006.2:c.[123A>G];,
	NM_004006.2:c.123ins, "NM_004006.2:c. 123A>G", "NM_004006.2 :c.123A>G", "NM_004006.2:c.123A>G ", :c.123A>G, NM_004006.2(:c.123A>G, NM_004006.2:c.((123A>G)), NM_004006.2:c.123A>G/, NM_004006.2:g.123[, NM_004006.2:g.123[(1_2],
	NM_004006.2:c.1_2ins[], NM_004006.2:c.1_2ins[A;], NM_004006.2:c.1_2insNP_1.1:p.1_2, NM_004006.2:c.1_2_3del, NM_004006.2:r.123A>G, NM_004006.2:c.0, NM_004006.2:c.spl,
	NP_003997.1:p.24, NP_003997.1:p.Trp24, NP_003997.1:p.Foo24Cys, NP_003997.1:p.Trp24cys, NP_003997.1:p.Trp24^Cys, NP_003997.1:p.Lys2_insGln, NP_003997.1:p.Arg97fsTer, NP_003997.1:p.Met1ext, NM_004006.2:c.1del;[14], NM_004006.2:c.[1del];[14], NM_004006.2:c.1TG[14];[], NM_004006.2:c.1TG[14];[18, rs7412, chr1:123A>G}'::text[]) v
WHERE dsec.is_hgvs(v) IS NOT FALSE;
-- nested, and long ones: refused or accepted in linear time
SELECT dsec.is_hgvs('NM_1.1:c.' || repeat('(', 1000000)), dsec.is_hgvs('NM_1.1:c.[' || repeat('(1_2)del;', 100000) || '3del]'),
	dsec.is_hgvs('NM_1.1:c.[' || repeat('(1del;', 150000) || '3del]'), dsec.is_hgvs('NM_1.1:c.1_2ins[' || repeat('A;', 500000) || 'A]'),
	dsec.is_hgvs('NM_1.1:c.1=' || repeat('/(1A>G)', 100000)), dsec.is_hgvs('NM_1.1:c.1_2ins[' || repeat('A_(;', 200000) || 'A]'),
	dsec.is_hgvs('NM_1.1:c.1_2ins' || repeat('A', 2000000)) AS too_long;

-- nothing is asked but of a value
SELECT dsec.is_icd10(NULL), dsec.is_loinc(NULL), dsec.is_ndc(NULL), dsec.is_rsid(NULL), dsec.is_vcf_genotype(NULL), dsec.is_nucleotide_sequence(NULL), dsec.is_hgvs(NULL);
SELECT proname FROM pg_proc WHERE pronamespace = 'dsec'::regnamespace AND proname LIKE 'is\_%'
	AND NOT (provolatile = 'i' AND proparallel = 's' AND proleakproof AND proisstrict);

CREATE TABLE result (diagnosis dsec.icd10, test dsec.loinc, drug dsec.ndc, snp dsec.rsid, variant dsec.hgvs, gt dsec.vcf_genotype, seq dsec.nucleotide_sequence);
SELECT column_name, tag, category, class, source, problem FROM dsec.tagged_columns WHERE relation = 'result'::regclass ORDER BY 1;
INSERT INTO result VALUES ('E11.9', '4548-4', '0002-3227-30', 'rs7412', 'NM_004006.2:c.4375C>T', '0|1', 'GATTACA');
INSERT INTO result (diagnosis) VALUES ('secret');
INSERT INTO result (test) VALUES ('4548-5');
INSERT INTO result (drug) VALUES ('0002322730');
INSERT INTO result (snp) VALUES ('rs0');
INSERT INTO result (variant) VALUES ('secret');
INSERT INTO result (gt) VALUES ('0/');
INSERT INTO result (seq) VALUES ('GATTAXA');

SET client_min_messages = warning;
DROP SCHEMA types_health CASCADE;
