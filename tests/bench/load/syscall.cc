// syscall: a call that does nothing, so that what all calls pay can be seen.
#include "measure.h"
#include <sys/syscall.h>

int main(int argc, char** argv) {
  return hoptrail::bench::Measure(argc, argv, 2'000'000, [] { syscall(SYS_getppid); });
}
