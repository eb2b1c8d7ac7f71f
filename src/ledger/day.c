/*-------------------------------------------------------------------------
 *
 * day.c
 *	  Days and windows.
 *
 * The day of the ledger is one number in shared memory.  Whoever finds that
 * midnight has passed moves it on, under all locks, and counts all windows
 * anew; it never goes back, whatever the clock does.
 *
 * Tests move the clock: a module that only tests load may leave an offset in
 * microseconds behind the rendezvous variable "dsec_clock_offset".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "guc.h"
#include "ledger/internal.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* the clock, offset included */
static TimestampTz
now(void)
{
	static int64 **offset = NULL;

	if (offset == NULL)
		offset = (int64 **) find_rendezvous_variable("dsec_clock_offset");
	return GetCurrentTimestamp() + (*offset != NULL ? **offset : 0);
}

/*
 * The date of a moment in dsec.timezone.  A day begins on a full minute, so one
 * calculation lasts for a minute.
 */
static DateADT
date_of(TimestampTz moment)
{
	static pg_tz *zone = NULL;
	static int64 minute = -1;
	static DateADT date;
	int64		this_minute = moment / USECS_PER_MINUTE;

	if (zone == NULL)
	{
		zone = pg_tzset(dsec_guc_timezone);
		if (zone == NULL)
			elog(ERROR, "time zone of dsec.timezone is not known");
	}
	if (this_minute != minute)
	{
		pg_time_t	seconds = timestamptz_to_time_t(moment);
		struct pg_tm *tm = pg_localtime(&seconds, zone);

		if (tm == NULL)
			elog(ERROR, "clock is out of range");
		date = date2j(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday) -
			POSTGRES_EPOCH_JDATE;
		minute = this_minute;
	}
	return date;
}

int64
dsec_ledger_day_left(void)
{
	return USECS_PER_MINUTE - now() % USECS_PER_MINUTE;
}

/* The same day of the month "months" later or earlier, or the month's last. */
static DateADT
add_months(DateADT day, int months)
{
	int			year;
	int			month;
	int			mday;
	int			last;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	month += months - 1;
	year += month / MONTHS_PER_YEAR;
	month %= MONTHS_PER_YEAR;
	if (month < 0)
	{
		month += MONTHS_PER_YEAR;
		year--;
	}
	last = day_tab[isleap(year)][month];
	return date2j(year, month + 1, Min(mday, last)) - POSTGRES_EPOCH_JDATE;
}

/* Last day on which a charge of this day counts. */
static inline DateADT
last_day(const DsecWindow *window, DateADT day)
{
	return add_months(day, window->months) + window->days;
}

DateADT
dsec_ledger_window_start(const DsecWindow *window, DateADT today)
{
	DateADT		start;

	if (window->kind == DSEC_WINDOW_CALENDAR_YEAR)
	{
		int			year;
		int			month;
		int			mday;

		j2date(today + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
		return date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE;
	}

	/*
	 * The first day whose last day is today or later.  Months have different
	 * lengths, so the way back is a guess that is put right.
	 */
	start = add_months(today - window->days, -window->months);
	while (last_day(window, start - 1) >= today)
		start--;
	while (last_day(window, start) < today)
		start++;
	return start;
}

/* What follows from day and windows.  Under all locks. */
static void
derive(void)
{
	DateADT		today = dsec_ledger_current_day();

	dsec_ledger->cutoff = today;
	for (int w = 0; w < dsec_ledger->nwindows; w++)
	{
		dsec_ledger->starts[w] =
			dsec_ledger_window_start(&dsec_ledger->windows[w], today);
		dsec_ledger->cutoff = Min(dsec_ledger->cutoff, dsec_ledger->starts[w]);
	}
	dsec_ledger_table_recount();

	/*
	 * A wider window needs days that were not loaded.  A narrower one gives
	 * days up: their slots may be reused from now on.
	 */
	for (int i = 0; i < dsec_ledger->max_recipients; i++)
	{
		DsecRecipientEntry *entry = &dsec_ledger_recipients[i];

		if (pg_atomic_read_u32(&entry->state) != DSEC_RECIPIENT_LOADED)
			continue;
		if (entry->loaded_from > dsec_ledger->cutoff)
			pg_atomic_write_u32(&entry->state, DSEC_RECIPIENT_UNLOADED);
		else
			entry->loaded_from = dsec_ledger->cutoff;
	}
}

DateADT
dsec_ledger_advance(void)
{
	DateADT		date = date_of(now());

	if (date <= dsec_ledger_current_day())
		return dsec_ledger_current_day();

	dsec_ledger_lock_all();
	if (date > dsec_ledger_current_day())
	{
		pg_atomic_write_u32(&dsec_ledger->today, (uint32) date);
		derive();
	}
	dsec_ledger_unlock_all();
	return dsec_ledger_current_day();
}

DateADT
dsec_ledger_today(void)
{
	if (dsec_ledger == NULL)
		return date_of(now());
	return dsec_ledger_advance();
}

bool
dsec_ledger_is_today(DateADT day)
{
	return dsec_ledger == NULL || day == dsec_ledger_current_day();
}

static bool
same_window(const DsecWindow *a, const DsecWindow *b)
{
	return a->kind == b->kind &&
		(a->kind != DSEC_WINDOW_ROLLING ||
		 (a->months == b->months && a->days == b->days));
}

void
dsec_ledger_publish_windows(const DsecWindow *windows, int nwindows)
{
	bool		same;

	if (nwindows < 0 || nwindows > DSEC_MAX_WINDOWS)
		elog(ERROR, "wrong number of windows: %d", nwindows);
	dsec_ledger_advance();

	dsec_ledger_lock_all();
	same = dsec_ledger->windows_known && nwindows == dsec_ledger->nwindows;
	for (int w = 0; same && w < nwindows; w++)
		same = same_window(&windows[w], &dsec_ledger->windows[w]);
	if (!same)
	{
		memcpy(dsec_ledger->windows, windows, nwindows * sizeof(DsecWindow));
		dsec_ledger->nwindows = nwindows;
		dsec_ledger->windows_known = true;
		derive();
	}
	dsec_ledger_unlock_all();
}
