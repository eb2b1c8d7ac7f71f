-- Numbers that authorities give to people: published examples, valid and not

-- IRS: the ranges of the fourth and fifth digits; 93 is an ATIN
SELECT v, dsec.is_us_itin(v) FROM unnest('{
	912-90-3456, 912903456, 900-70-0000, 999-88-9999, 900-90-0000, 999-92-9999, 900-94-0000, 999-99-9999,
	912-93-3456, 812-70-3456, 9129-03456, 912-903456, 91290345, 9129034567, 912 90 3456, ""}'::text[]) v;
SELECT string_agg(g, ' ' ORDER BY g) AS groups FROM (SELECT to_char(i, 'FM00') FROM generate_series(0, 99) i) x(g)
WHERE dsec.is_us_itin('912-' || g || '-3456');
-- a number is never both
SELECT count(*) FILTER (WHERE dsec.is_us_ssn(n)) AS ssn, count(*) FILTER (WHERE dsec.is_us_itin(n)) AS itin,
	count(*) FILTER (WHERE dsec.is_us_ssn(n) AND dsec.is_us_itin(n)) AS both
FROM (SELECT to_char(i, 'FM000000000') FROM generate_series(7, 999999999, 999983) i) x(n);

-- Department of State: a letter and eight digits since 2021, nine digits before
SELECT v, dsec.is_us_passport(v) FROM unnest('{
	C03005988, 123456789, A12345678, c03005988, AB1234567, 12345678A, 12345678, 1234567890,
	000000000, A00000000, "C0300 5988", ÄC0300598, ""}'::text[]) v;

-- CMS: the example of the requirements for the check digit
SELECT v, dsec.is_us_npi(v) FROM unnest('{
	1234567893, 1993999998, 1558598797, 2000000002, 1234567890, 3234567893, 0234567893, 123456789, 12345678933,
	808401234567893, 1234-567893, "1234567893 ", ""}'::text[]) v;
SELECT n % 10 AS last_digit, dsec.is_us_npi(n::text) FROM generate_series(1234567890, 1234567899) n ORDER BY 1;

-- Japan: individual numbers
SELECT v, dsec.is_my_number(v) FROM unnest('{
	123456789018, "1234 5678 9018", 1234-5678-9018, 621498320257, "6214 9832 0257", 983205673214,
	123456789010, 621498320258, 983205673210, "6214 9832 025X", 000000000000, 12345678901, 1234567890180,
	"1234 56789018", 1234-5678 9018, ""}'::text[]) v;
-- corporate numbers; the National Tax Agency's own, and examples
SELECT v, dsec.is_corporate_number(v) FROM unnest('{
	7000012050002, 7-0000-1205-0002, 7123456789012, 4011001098993, 2120901007402, 7010705000725, 5-8356-7825-6246,
	6000012050002, 2-8356-7825-6246, 0000012050002, 9000000000000, 000012050002, 70000120500020, "7 0000 1205 0002", ""}'::text[]) v;

-- Korea: a birth date in its century; numbers since October 2020 have no check digit
SELECT v, dsec.is_kr_rrn(v) FROM unnest('{
	971013-9019902, 9710139019902, 971013-9019903, 460901-1000000, 201005-3123456, 000229-3123456, 000229-5123456,
	000229-1123456, 990229-1123456, 971313-1019902, 970013-1019902, 971032-1019902, 971131-1019902,
	97101-39019902, 971013 9019902, 971013-901990, 971013-90199022, ""}'::text[]) v;
-- all ten digits of sex and century are in use; leap days tell the century
SELECT s, dsec.is_kr_rrn('960229-' || s || '123456') AS in_96, dsec.is_kr_rrn('000229-' || s || '123456') AS in_00
FROM generate_series(0, 9) s;

-- GB 11643-1999: its examples
SELECT v, dsec.is_cn_resident_id(v) FROM unnest('{
	11010519491231002X, 440524188001010014, 360426199101010071,
	110105194912310021, 11010519491231002x, 440524188001010015, 11010519490231002X, 011010519491231002, 11010519491231002,
	11010519491231002XX, 110105491231002, X1010519491231002X, 11010519491231002A, ""}'::text[]) v;
-- dates that do not exist, each with a check character that fits
SELECT d, count(*) FILTER (WHERE dsec.is_cn_resident_id('110105' || d || '002' || c)) AS fits
FROM unnest('{19491231, 20000229, 19960229, 19000229, 19990229, 19491301, 19490001, 19490431, 19490400, 17991231, 21000101}'::text[]) d,
	unnest('{0,1,2,3,4,5,6,7,8,9,X}'::text[]) c
GROUP BY d ORDER BY d;

-- HM Revenue and Customs, NIM39110: its own example is not valid on purpose
SELECT v, dsec.is_uk_nino(v) FROM unnest('{
	AB123456C, "AB 12 34 56 C", BN102966C, AA000000A, ZY999999D,
	QQ123456A, "QQ 12 34 56 A", DA123456A, FA123456A, IA123456A, UA123456A, VA123456A,
	AD123456A, AF123456A, AI123456A, AQ123456A, AU123456A, AV123456A, AO123456A, OA123456A,
	BG123456A, GB123456A, KN123456A, NK123456A, NT123456A, TN123456A, ZZ123456A,
	AB123456E, AB123456, ab123456c, "AB 123456 C", AB12345C, A1123456C, ""}'::text[]) v;

-- NHS Data Model and Dictionary
SELECT v, dsec.is_uk_nhs_number(v) FROM unnest('{
	943 476 5919, 9434765919, 943-476-5919, 9434765870, 4010232137,
	9434765918, 9434765871, 0000000000, 943476591, 94347659190, 9434 765919, 943 476-5919, ""}'::text[]) v;

-- Unique Identification Authority of India: numbers for tests
SELECT v, dsec.is_aadhaar(v) FROM unnest('{
	234123412346, 2341 2341 2346, 2341-2341-2346, 999941057058, 999971658847,
	234123412347, 123412341234, 012341234123, 999941057085, 99994105705, 9999410570588, 2341 23412346, 234123412346x, ""}'::text[]) v;
