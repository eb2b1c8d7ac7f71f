/*-------------------------------------------------------------------------
 *
 * key.c
 *	  The file with the key under which subject keys are hashed.
 *
 * Sixteen random bytes, read and written by the worker alone.  A ledger without
 * its key can neither recognise a subject nor charge one twice as the same, so
 * a key is made only for a ledger that has never had one.  The ledger keeps a
 * check value, from which the key cannot be found, to notice a wrong file.
 *
 * The data directory is closed to others; a file elsewhere must be, too.
 *
 * Nothing here raises an error: what is wrong comes back as a sentence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "guc.h"
#include "ledger/internal.h"
#include "storage/fd.h"

#define DEFAULT_FILE "dsec.key" /* in the data directory */
#define CHECK_TEXT "dsec ledger key check"

static bool
is_elsewhere(void)
{
	return dsec_guc_key_file != NULL && dsec_guc_key_file[0] != '\0';
}

static const char *
key_path(void)
{
	return is_elsewhere() ? dsec_guc_key_file : DEFAULT_FILE;
}

/*
 * Read the key.  False with a palloc'd *problem when there is none that can be
 * used; *exists says whether there is a file at all.
 */
bool
dsec_ledger_key_read(uint8 *key, bool *exists, char **problem)
{
	const char *path = key_path();
	uint8		bytes[DSEC_KEY_BYTES + 1];
	struct stat st;
	ssize_t		n;
	int			fd;

	*problem = NULL;
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
	{
		*exists = errno != ENOENT;
		*problem = psprintf("The key file \"%s\" cannot be opened: %m. Put back the key file that belongs to this ledger, from a backup or from the server the ledger came from.",
							path);
		return false;
	}
	*exists = true;
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0 || fstat(fd, &st) != 0)
		*problem = psprintf("The key file \"%s\" cannot be read: %m.", path);
	else if (n != DSEC_KEY_BYTES)
		*problem = psprintf("The key file \"%s\" does not have %d bytes. Put back the key file that belongs to this ledger.",
							path, DSEC_KEY_BYTES);
	else if (is_elsewhere() && (st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
		*problem = psprintf("The key file \"%s\" is open to others. Set its mode to 0600.",
							path);
	else
		memcpy(key, bytes, DSEC_KEY_BYTES);
	explicit_bzero(bytes, sizeof(bytes));
	CloseTransientFile(fd);
	return *problem == NULL;
}

/* Make a new key and its file, durably.  The file does not exist. */
bool
dsec_ledger_key_create(uint8 *key, char **problem)
{
	const char *path = key_path();
	char		temporary[MAXPGPATH];
	int			fd;
	bool		written;

	*problem = NULL;
	if (!pg_strong_random(key, DSEC_KEY_BYTES))
	{
		*problem = pstrdup("The server has no source of random bytes for the key.");
		return false;
	}

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	fd = OpenTransientFilePerm(temporary,
							   O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   S_IRUSR | S_IWUSR);
	if (fd < 0)
	{
		*problem = psprintf("The key file \"%s\" cannot be created: %m.", path);
		return false;
	}
	errno = ENOSPC;				/* for a write that comes back short */
	written = write(fd, key, DSEC_KEY_BYTES) == DSEC_KEY_BYTES &&
		pg_fsync(fd) == 0;
	if (!written)
		*problem = psprintf("The key file \"%s\" cannot be written: %m.", path);
	CloseTransientFile(fd);
	if (written && durable_rename(temporary, path, LOG) != 0)
		*problem = psprintf("The key file \"%s\" cannot be created: %m.", path);
	if (*problem != NULL)
		unlink(temporary);
	return *problem == NULL;
}

/* What the ledger remembers of its key: DSEC_KEY_CHECK_BYTES. */
void
dsec_ledger_key_check(const uint8 *key, const pg_uuid_t *ledger, uint8 *check)
{
	uint8		text[sizeof(CHECK_TEXT) + UUID_LEN];

	memcpy(text, CHECK_TEXT, sizeof(CHECK_TEXT));
	memcpy(text + sizeof(CHECK_TEXT), ledger->data, UUID_LEN);
	if (sodium_init() < 0 ||
		crypto_generichash(check, DSEC_KEY_CHECK_BYTES, text, sizeof(text),
						   key, DSEC_KEY_BYTES) != 0)
		elog(ERROR, "libsodium does not work");
}
