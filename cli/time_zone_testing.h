#ifndef HOPTRAIL_CLI_TIME_ZONE_TESTING_H_
#define HOPTRAIL_CLI_TIME_ZONE_TESTING_H_

#include <stdlib.h>
#include <time.h>

namespace hoptrail::cli {

// For tests: the process is in a time zone for as long as this lives, in UTC after it.
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
