// syscall: a null call, to measure the cost that all system calls pay.
#include "measure.h"
#include <sys/syscall.h>

int main(int argc, char** argv) {
  return hoptrail::bench::Measure(argc, argv, 2'000'000, [] { syscall(SYS_getppid); });
}
