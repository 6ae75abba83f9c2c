// open: open and close a file that is not watched, this program's own.
#include <fcntl.h>

#include "measure.h"

int main(int argc, char** argv) {
  return hoptrail::bench::Measure(argc, argv, 200'000, [&] {
    const int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0) hoptrail::bench::Die(argv[0]);
    close(fd);
  });
}
