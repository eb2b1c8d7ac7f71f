/*-------------------------------------------------------------------------
 *
 * type_device.c
 *	  Validators of what identifies devices, subscriptions and connections.
 *
 * For MAC and IP addresses there are two validators each: of a text, and of
 * PostgreSQL's own type, which the domain is over.  What the first accepts the
 * second can be cast to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "tag/types.h"
#include "utils/inet.h"

PG_FUNCTION_INFO_V1(dsec_is_mac_address_macaddr);
PG_FUNCTION_INFO_V1(dsec_is_ip_address_inet);

/* the first bit on the wire: an address of a group, not of one device */
#define MAC_GROUP_BIT 0x01

/* longest: eight groups of four, or six of them and an IPv4 address */
#define IP_MAX_BYTES 45
#define UUID_BYTES 36

/* Fifteen digits, the last a Luhn check digit. */
static bool
is_imei(const char *text, int length)
{
	static const char *const pictures[] = {
		"999999999999999", "99-999999-999999-9", "99 999999 999999 9", NULL
	};
	char		digits[15];

	return dsec_type_pictures(text, length, pictures, digits) &&
		!dsec_type_zeros(digits, 15) &&
		dsec_type_luhn(digits, 15) % 10 == 0;
}

DSEC_TEXT_VALIDATOR(is_imei, 18);

/*
 * Fourteen or fifteen digits, that begin with the zone of a country code: 2 to
 * 7 are continents, 9 is shared by countries, 001 is for tests.
 */
static bool
is_imsi(const char *text, int length)
{
	char		digits[15];

	if (dsec_type_digits(text, length, "", digits, 15) < 14)
		return false;
	return (digits[0] >= '2' && digits[0] <= '7') || digits[0] == '9' ||
		memcmp(digits, "001", 3) == 0;
}

DSEC_TEXT_VALIDATOR(is_imsi, 15);

static bool
is_device_mac(const macaddr *mac)
{
	return (mac->a & MAC_GROUP_BIT) == 0 &&
		(mac->a | mac->b | mac->c | mac->d | mac->e | mac->f) != 0;
}

static int
hex_value(char c)
{
	return dsec_type_is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Six octets in the notations of the type macaddr, two digits each. */
static bool
is_mac_address(const char *text, int length)
{
	static const char *const pictures[] = {
		"hh:hh:hh:hh:hh:hh", "hh-hh-hh-hh-hh-hh", "hhhhhh:hhhhhh",
		"hhhhhh-hhhhhh", "hhhh.hhhh.hhhh", "hhhh-hhhh-hhhh",
		"hhhhhhhhhhhh", NULL
	};
	char		digits[12];
	unsigned char octets[6];
	macaddr		mac;

	if (!dsec_type_pictures(text, length, pictures, digits))
		return false;
	for (int i = 0; i < 6; i++)
		octets[i] = hex_value(digits[2 * i]) << 4 | hex_value(digits[2 * i + 1]);
	mac.a = octets[0];
	mac.b = octets[1];
	mac.c = octets[2];
	mac.d = octets[3];
	mac.e = octets[4];
	mac.f = octets[5];
	return is_device_mac(&mac);
}

DSEC_TEXT_VALIDATOR(is_mac_address, 17);

Datum
dsec_is_mac_address_macaddr(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_device_mac(PG_GETARG_MACADDR_P(0)));
}

/* Four numbers to 255 with points between, in decimal, without leading zeros. */
static bool
is_ipv4(const char *text, int length)
{
	int			at = 0;

	for (int octet = 0; octet < 4; octet++)
	{
		int			start = at;
		int			value = 0;

		if (octet > 0)
		{
			if (at == length || text[at] != '.')
				return false;
			start = ++at;
		}
		while (at < length && at - start < 3 && dsec_type_is_digit(text[at]))
			value = value * 10 + (text[at++] - '0');
		if (at == start || value > 255 || (text[start] == '0' && at - start > 1))
			return false;
	}
	return at == length;
}

/*
 * Eight groups of up to four hexadecimal digits with colons between; "::" once
 * for one group of zeros or more; an IPv4 address for the last two groups.  No
 * zone.
 */
static bool
is_ipv6(const char *text, int length)
{
	int			groups = 0;
	bool		gap = false;
	int			at = 0;

	if (length >= 2 && text[0] == ':' && text[1] == ':')
	{
		gap = true;
		at = 2;
	}
	while (at < length)
	{
		int			start = at;

		while (at < length && at - start < 4 && dsec_type_is_hex(text[at]))
			at++;
		if (at == start)
			return false;
		if (at < length && text[at] == '.')
		{
			if (!is_ipv4(text + start, length - start))
				return false;
			groups += 2;
			break;
		}
		groups++;
		if (at == length)
			break;
		if (text[at++] != ':' || at == length)
			return false;
		if (text[at] == ':')
		{
			if (gap)
				return false;
			gap = true;
			at++;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

static bool
is_ip_address(const char *text, int length)
{
	return is_ipv4(text, length) || is_ipv6(text, length);
}

DSEC_TEXT_VALIDATOR(is_ip_address, IP_MAX_BYTES);

/* The address of one host: no netmask, or one of full length. */
Datum
dsec_is_ip_address_inet(PG_FUNCTION_ARGS)
{
	inet	   *ip = PG_GETARG_INET_PP(0);

	PG_RETURN_BOOL(ip_bits(ip) == ip_maxbits(ip));
}

/* A UUID as it is printed, in either case, of any version. */
static bool
is_advertising_id(const char *text, int length)
{
	char		digits[UUID_BYTES];

	return dsec_type_picture(text, length,
							 "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", digits);
}

DSEC_TEXT_VALIDATOR(is_advertising_id, UUID_BYTES);
