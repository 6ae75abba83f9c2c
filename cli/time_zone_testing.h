#ifndef HOPTRAIL_CLI_TIME_ZONE_TESTING_H_
#define HOPTRAIL_CLI_TIME_ZONE_TESTING_H_

#include <stdlib.h>
#include <time.h>

namespace hoptrail::cli {

// For tests: puts the process into a time zone, and into UTC when it is destroyed.
class TimeZone {
 public:
  explicit TimeZone(const char* name) { Set(name); }
  ~TimeZone() { Set("UTC"); }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  static void Set(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_TIME_ZONE_TESTING_H_
