/*-------------------------------------------------------------------------
 *
 * set_merge.c
 *	  Union, intersection and difference of sorted arrays of hashes.
 *
 * Arrays of like size are merged step by step, without branches that depend on
 * the hashes, for these are random.  Of a small and a large array, the place of
 * each element of the small one is searched in the large one, in strides that
 * double: about the smaller size times a logarithm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "subject/set_merge.h"

#define UNLIKE 16				/* times as large: worth searching */

/* Number of leading hashes of "hashes" below the target. */
static inline uint64
seek(const uint64 *hashes, uint64 n, uint64 target)
{
	uint64		low = 0;		/* all before are below */
	uint64		high;
	uint64		stride = 1;

	while (low < n && hashes[low] < target)
	{
		high = low + stride;
		if (high >= n || hashes[high] >= target)
		{
			/* between low, which is below, and high, which is not */
			high = Min(high, n);
			low++;
			while (low < high)
			{
				uint64		middle = low + (high - low) / 2;

				if (hashes[middle] < target)
					low = middle + 1;
				else
					high = middle;
			}
			return low;
		}
		low = high;
		stride *= 2;
	}
	return low;
}

static inline uint64
copy(uint64 *out, const uint64 *hashes, uint64 n)
{
	if (n > 0)
		memcpy(out, hashes, n * sizeof(uint64));
	return n;
}

static inline bool
unlike(uint64 na, uint64 nb)
{
	return na / UNLIKE > nb || nb / UNLIKE > na;
}

uint64
dsec_set_merge_or(const uint64 *a, uint64 na, const uint64 *b, uint64 nb, uint64 *out)
{
	bool		search = unlike(na, nb);
	uint64		i = 0;
	uint64		j = 0;
	uint64		n = 0;

	while (i < na && j < nb)
	{
		uint64		x = a[i];
		uint64		y = b[j];
		uint64		step;

		if (search && x < y)
		{
			step = seek(a + i, na - i, y);
			n += copy(out + n, a + i, step);
			i += step;
		}
		else if (search && y < x)
		{
			step = seek(b + j, nb - j, x);
			n += copy(out + n, b + j, step);
			j += step;
		}
		else
		{
			out[n++] = x < y ? x : y;
			i += x <= y;
			j += y <= x;
		}
	}
	n += copy(out + n, a + i, na - i);
	n += copy(out + n, b + j, nb - j);
	return n;
}

uint64
dsec_set_merge_and(const uint64 *a, uint64 na, const uint64 *b, uint64 nb, uint64 *out)
{
	bool		search = unlike(na, nb);
	uint64		i = 0;
	uint64		j = 0;
	uint64		n = 0;

	while (i < na && j < nb)
	{
		uint64		x = a[i];
		uint64		y = b[j];

		if (search && x < y)
			i += seek(a + i, na - i, y);
		else if (search && y < x)
			j += seek(b + j, nb - j, x);
		else
		{
			/* a place that is not kept is written again */
			if (out != NULL)
				out[n] = x;
			n += x == y;
			i += x <= y;
			j += y <= x;
		}
	}
	return n;
}

uint64
dsec_set_merge_minus(const uint64 *a, uint64 na, const uint64 *b, uint64 nb, uint64 *out)
{
	bool		search = unlike(na, nb);
	uint64		i = 0;
	uint64		j = 0;
	uint64		n = 0;

	while (i < na && j < nb)
	{
		uint64		x = a[i];
		uint64		y = b[j];

		if (search && x < y)
		{
			uint64		step = seek(a + i, na - i, y);

			n += copy(out + n, a + i, step);
			i += step;
		}
		else if (search && y < x)
			j += seek(b + j, nb - j, x);
		else
		{
			out[n] = x;
			n += x < y;
			i += x <= y;
			j += y <= x;
		}
	}
	n += copy(out + n, a + i, na - i);
	return n;
}

bool
dsec_set_merge_contains(const uint64 *a, uint64 na, const uint64 *b, uint64 nb)
{
	uint64		i = 0;

	for (uint64 j = 0; j < nb; j++)
	{
		if (na - i < nb - j)
			return false;
		i += seek(a + i, na - i, b[j]);
		if (i == na || a[i] != b[j])
			return false;
		i++;
	}
	return true;
}
