# Compares the layout of C files with what clang-format makes of them.
#
#   layout.pl --check FILE...   print the differences, exit 1 if there are any
#   layout.pl --fix FILE...     rewrite the lines that differ
#
# clang-format cannot align declarations the way pgindent does, so the amount of
# space inside a line is not compared, and --fix keeps lines that differ in
# nothing else.  Line breaks, braces and the indentation of statements are.

use strict;
use warnings;

use File::Temp;

my $mode = shift @ARGV // '';
my $status = 0;

die "usage: layout.pl --check|--fix FILE...\n"
  unless $mode =~ /^--(check|fix)$/;

# Lines as they are compared: single spaces inside, the width of the indentation
# where a line begins a statement, none where it continues one.
sub canonical
{
	my $begins = 1;
	my @result;

	foreach my $line (@_)
	{
		my ($indent, $text) = $line =~ /^(\s*)(.*?)\s*$/;
		my $column = 0;

		foreach my $char (split //, $indent)
		{
			$column = $char eq "\t" ? (int($column / 4) + 1) * 4 : $column + 1;
		}
		$text =~ s/\s+/ /g;
		$text =~ s/ ?([*\\]) ?/$1/g;    # "char *a", "* const", line continuation
		$text =~ s/\) \(/)(/g;          # "(*hook) (arguments)"
		$text =~ s/\{ /{/g;
		$text =~ s/ \}/}/g;
		push @result, ($begins && length $text ? ' ' x $column : '') . $text;
		$begins = $text =~ m{^#|[;\{\}\):]$|\*/$|\b(?:else|do)$} || !length $text;
	}
	return @result;
}

sub slurp
{
	my ($command) = @_;

	open my $in, '-|', @$command or die "$command->[0]: $!";
	my @lines = <$in>;
	close $in or die "$command->[0] failed\n";
	chomp @lines;
	return @lines;
}

sub spill
{
	my $file = File::Temp->new;

	print $file map { "$_\n" } @_;
	close $file;
	return $file;
}

foreach my $file (@ARGV)
{
	my @have = slurp([ 'cat', $file ]);
	my @want = slurp([ 'clang-format', $file ]);
	my $a = spill(canonical(@have));
	my $b = spill(canonical(@want));
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
		my ($from, $to, $kind, $new, $last) = ($1, $2 // $1, $3, $4, $5 // $4);

		$to = $from if $kind eq 'a';
		push @result, @have[ $at .. ($kind eq 'a' ? $from : $from - 1) - 1 ];
		$at = $to;
		push @result, @want[ $new - 1 .. $last - 1 ] if $kind ne 'd';
	}
	push @result, @have[ $at .. $#have ];
	open my $out, '>', $file or die "$file: $!";
	print $out map { "$_\n" } @result;
	close $out;
	print "$file\n";
}

exit $status;
