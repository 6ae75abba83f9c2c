// tcp: connect, accept and close at both ends, on loopback.
#include "network.h"

int main(int argc, char** argv) {
  hoptrail::bench::TakeOwnNetwork();
  hoptrail::bench::Connections connections;
  return hoptrail::bench::Measure(argc, argv, 12'000, [&] { connections.OpenAndClose(); });
}
