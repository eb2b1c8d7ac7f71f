#!/usr/bin/env bash
#
# Prints the names of the types that src/ defines, for pgindent.

find src -name "*.[ch]" -exec cat {} + |
	sed -nE -e 's/^typedef (struct|enum|union) (\w+)$/\2/p' \
		-e 's/^typedef (struct|enum|union) \w+ (\w+);.*/\2/p' \
		-e 's/^\} ?(\w+);.*/\1/p' \
		-e '/^typedef.*\(\*/s/.*\(\* ?(\w+)\).*/\1/p' |
	grep -E '^[A-Z]|_(type|t)$' | LC_ALL=C sort -u
