# Names functions of SQL files that run with their owner's rights and do not fix
# search_path, or that are not taken away from PUBLIC.

use strict;
use warnings;

local $/;
my $sql = join "\n", map { open my $in, '<', $_ or die "$_: $!"; <$in> } @ARGV;

while ($sql =~ /CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s+([\w.]+)(.*?);\s*$/gmsi)
{
	my ($name, $text) = ($1, $2);
	(my $bare = $name) =~ s/^dsec\.//;

	next unless $text =~ /SECURITY\s+DEFINER/i;
	print "$name: SECURITY DEFINER without SET search_path = pg_catalog, pg_temp\n"
	  unless $text =~ /SET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp/i;
	print "$name: SECURITY DEFINER and not revoked from PUBLIC\n"
	  unless $sql =~ /REVOKE\s+[^;]*\b(?:$bare\b|ALL\s+FUNCTIONS\s+IN\s+SCHEMA\s+dsec)[^;]*FROM\s+PUBLIC/i;
}
