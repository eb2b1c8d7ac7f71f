# Compares the layout of C files with what clang-format makes of them.
#
#   layout.pl --check FILE...   print the differences, exit 1 if there are any
#   layout.pl --fix FILE...     rewrite the lines that differ
#
# clang-format cannot align declarations the way pgindent does, and has its own
# mind about where to break a long statement.  So spacing and line breaks inside a
# statement, an initialiser or a macro are not compared, and --fix keeps lines that
# differ in nothing else.  Braces, one statement a line, the indentation of
# statements and empty lines are.

use strict;
use warnings;

use File::Temp;

my $mode = shift @ARGV // '';
my $status = 0;

die "usage: layout.pl --check|--fix FILE...\n"
  unless $mode =~ /^--(check|fix)$/;

# Source as it is compared, one entry a statement: [text, number of lines].
sub canonical
{
	my @result;
	my $begins = 1;    # the next line begins a statement
	my $define = 0;    # inside a macro
	my $comment = 0;
	my $depth = 0;     # open parentheses, and braces of an initialiser
	my $initialiser = 0;

	foreach my $line (@_)
	{
		my ($indent, $text) = $line =~ /^(\s*)(.*?)\s*$/;
		my $column = 0;
		my $bare = $text;

		foreach my $char (split //, $indent)
		{
			$column = $char eq "\t" ? (int($column / 4) + 1) * 4 : $column + 1;
		}

		# what counts brackets must not see those in comments and literals
		$bare = $comment ? ($bare =~ s{^.*?\*/}{} ? $bare : '') : $bare;
		$comment = 0 if $comment && $text =~ m{\*/};
		$bare =~ s/"(?:\\.|[^"\\])*"/""/g;
		$bare =~ s/'(?:\\.|[^'\\])*'/''/g;
		$bare =~ s{/\*.*?\*/}{}g;
		$comment = 1 if $bare =~ s{/\*.*}{};
		$bare =~ s/\s+$//;

		if ($begins && ($text =~ /^#/ || $define))
		{
			push @result, [ '', 0 ] unless $define;
			$define = $text =~ s/\\$//;
			$result[-1][0] .= $text =~ s/\s+//gr;
			$result[-1][1]++;
			next;
		}
		push @result, [ length $text ? ' ' x $column : '', 0 ]
		  if $begins && !(@result && $text =~ /^(?:->|&&|\|\||[?:=<>|] )/);
		$initialiser = 1 if "$result[-1][0]$bare" =~ /=\s*\{/;
		$result[-1][0] .= $text =~ s/\s+//gr;
		$result[-1][1]++;

		$depth += () = $bare =~ /\(/g;
		$depth -= () = $bare =~ /\)/g;
		if ($initialiser)
		{
			$depth += () = $bare =~ /\{/g;
			$depth -= () = $bare =~ /\}/g;
		}
		$initialiser = 0 if $depth <= 0;
		$begins = !$comment && $depth <= 0
		  && (!length $bare || $bare =~ /(?:[;\{\}\)]|\b(?:else|do))\z/
			|| $result[-1][0] =~ /^ *(?:case.*|\w+):(?:\/\*.*)?$/);
		$depth = 0 if $begins;
	}
	return \@result;
}

# the lines from which the canonical lines before $count were made
sub lines_before
{
	my ($canonical, $count) = @_;
	my $lines = 0;

	$lines += $_->[1] foreach @$canonical[ 0 .. $count - 1 ];
	return $lines;
}

sub slurp
{
	open my $in, '-|', @_ or die "$_[0]: $!";
	my @lines = <$in>;
	close $in or die "$_[0] failed\n";
	chomp @lines;
	return @lines;
}

sub spill
{
	my ($canonical) = @_;
	my $file = File::Temp->new;

	print $file map { "$_->[0]\n" } @$canonical;
	close $file;
	return $file;
}

foreach my $file (@ARGV)
{
	my @have = slurp('cat', $file);
	my @want = slurp('clang-format', $file);
	my ($old, $new) = (canonical(@have), canonical(@want));
	my ($a, $b) = (spill($old), spill($new));
	my @diff = qx(diff '$a' '$b');
	my @result;
	my $at = 0;

	next unless @diff;
	if ($mode eq '--check')
	{
		$status = 1;
		print "$file: not laid out as \"make format\" would\n", @diff;
		next;
	}
	foreach (@diff)
	{
		next unless /^(\d+)(?:,(\d+))?([acd])(\d+)(?:,(\d+))?$/;
		my ($from, $to, $kind, $first, $last) = ($1, $2 // $1, $3, $4, $5 // $4);
		my $keep = lines_before($old, $kind eq 'a' ? $from : $from - 1);

		push @result, @have[ $at .. $keep - 1 ];
		$at = lines_before($old, $to);
		push @result, @want[ lines_before($new, $first - 1) .. lines_before($new, $last) - 1 ]
		  if $kind ne 'd';
	}
	push @result, @have[ $at .. $#have ];
	open my $out, '>', $file or die "$file: $!";
	print $out map { "$_\n" } @result;
	close $out;
	print "$file\n";
}

exit $status;
