// exec: start a tiny static program and wait for its end.
#include "program.h"

int main(int argc, char** argv) {
  hoptrail::bench::Program nothing(argv[0]);
  return hoptrail::bench::Measure(argc, argv, 1'500, [&] { nothing.Run(); });
}
