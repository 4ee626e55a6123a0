/**
 * The program of a starter (`starter.ts`): a few lines of Perl, which the base system of most distributions has.
 *
 * It says `ready`, then reads frames: a length in four bytes, then fields that end with a zero byte. The first frame has the variables
 * that all commands have in common. Then, each answered before the next is read:
 *
 * - `run`, a directory, two files, a number of words and those, a number of arguments and those, variables: starts a
 *   command. Where there are words, they are what the shell would execute in its own place, so they are, with the
 *   variable that a shell adds; if that can't be, the shell gets its arguments and says why. Answers
 *   `failed WHAT: WHY`, or `started PID` and later `ended PID STATUS OUT ERR LEFT`, only the latter if the command
 *   ends at once: the status as wait(2) gives it, the sizes of the two files, and whether the command has left
 *   anything running: 0 or 1, or `?` if that can't be known.
 * - `sweep`: kills what the last command has left. Answers `swept COUNT`, or `swept COUNT in vain`.
 *
 * What a command leaves is known for certain: the starter adopts the orphans among its descendants, so as long as
 * it has a child that it hasn't waited for, something is left. Of these only what carries the attempt's cookie is
 * killed; a worker that a job has started is none of its business. Signals that are meant for all processes of a
 * service are not either.
 */

/** Its arguments: the number of the system call prctl(2), or 0, and the name of the cookie. */
export const STARTER_PROGRAM = String.raw`
use strict;
my ($prctl, $cookie) = @ARGV;
open(my $requests, "<&", \*STDIN) or exit 1;
open(my $answers, ">&", \*STDOUT) or exit 1;
open(my $null, "+<", "/dev/null") or exit 1;
open(STDIN, "<&", $null) or exit 1;
binmode($requests);
$SIG{$_} = sub {} for qw(HUP INT QUIT TERM);
my $children = "/proc/self/task/$$/children";
my $adopts = $prctl && -r $children && syscall($prctl + 0, 36, 1, 0, 0, 0) == 0;
sub frame {
  read($requests, my $size, 4) == 4 or exit 0;
  my $length = unpack("N", $size);
  (read($requests, my $body, $length) // 0) == $length or exit 0;
  my @fields = split(/\0/, $body, -1);
  pop @fields;
  return @fields;
}
sub answer { syswrite($answers, "@_\n") or exit 0 }
sub same_folder { my @a = stat($_[0]); my @b = stat($_[1]); return @a && "@a[0, 1]" eq "@b[0, 1]" }
answer("ready");
my %common = map { split(/=/, $_, 2) } frame();
%ENV = %common;
my $is_odd = grep { /^\d|\W/ } keys(%common);
my $umask = umask();
my %own;
sub set_variables {
  my %new = map { split(/=/, $_, 2) } @_;
  for my $name (keys(%own)) {
    next if exists($new{$name});
    exists($common{$name}) ? ($ENV{$name} = $common{$name}) : delete($ENV{$name});
  }
  $ENV{$_} = $new{$_} for keys(%new);
  %own = %new;
}
sub run {
  my ($dir, $out, $err, @rest) = @_;
  my @words = splice(@rest, 0, shift @rest);
  my @args = splice(@rest, 0, shift @rest);
  chdir($dir) or return answer("failed directory: " . ($!{ENOENT} || $!{ENOTDIR} ? "missing" : $!));
  umask(077);
  open(STDOUT, ">>", $out) && open(STDERR, ">>", $err) or return answer("failed output: $!");
  umask($umask);
  set_variables(@rest);
  @words = () if $is_odd || grep { /^\d|\W/ } keys(%own);
  my $folder = @words && !same_folder($ENV{PWD} // "", ".") ? readlink("/proc/self/cwd") : undef;
  my $pid = fork();
  defined($pid) or return answer("failed start: $!");
  if ($pid == 0) {
    setpgrp(0, 0);
    if (@words) {
      my $pwd = $ENV{PWD};
      $ENV{PWD} = $folder if defined($folder);
      exec { $words[0] } @words;
      defined($pwd) ? ($ENV{PWD} = $pwd) : delete($ENV{PWD});
    }
    exec { $args[0] } @args;
    syswrite(STDERR, "queuectl: can't start $args[0]: $!\n");
    exit 126;
  }
  setpgrp($pid, $pid);
  answer("started $pid") unless ends_at_once($pid);
  1 until waitpid($pid, 0) == $pid;
  answer("ended $pid $?", -s STDOUT, -s STDERR, $adopts ? has_children() : "?");
}
# Waking the worker costs more than looking first whether there will be more to tell.
sub ends_at_once {
  my $descriptor = syscall(434, $_[0], 0); # pidfd_open(2)
  return 0 if $descriptor < 0;
  open(my $process, "<&=", $descriptor) or return 0;
  vec(my $bits = "", $descriptor, 1) = 1;
  return select($bits, undef, undef, 0.03) > 0;
}
sub has_children {
  my $pid;
  1 while ($pid = waitpid(-1, 1)) > 0;
  return $pid == 0 ? 1 : 0;
}
sub is_ours {
  open(my $variables, "<", "/proc/$_[0]/environ") or return 0;
  local $/;
  return index("\0" . (<$variables> // ""), "\0$cookie=$own{$cookie}\0") >= 0;
}
sub sweep {
  my (%killed, $before, $alike);
  for (1 .. 5000) {
    has_children() or return answer("swept", scalar(keys(%killed)));
    open(my $list, "<", $children) or last;
    my @now = split(" ", <$list> // "");
    my @left = grep { is_ours($_) } @now;
    $killed{$_} = kill("-KILL", $_) + kill("KILL", $_) for @left;
    # Of one that hops from process to process a look may see only the process that is just gone.
    $alike = !@left && "@now" eq ($before // "") ? $alike + 1 : 0;
    $before = "@now";
    return answer("swept", scalar(keys(%killed))) if $alike == 3;
    select(undef, undef, undef, 0.002);
  }
  answer("swept", scalar(keys(%killed)), "in vain");
}
while (my ($what, @fields) = frame()) {
  $what eq "run" ? run(@fields) : sweep();
  chdir("/");
  open(STDOUT, ">&", $null);
  open(STDERR, ">&", $null);
}
`;
