#ifndef HOPTRAIL_CORE_BASE_TOKEN_BUCKET_H_
#define HOPTRAIL_CORE_BASE_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>

namespace hoptrail {

// A budget that fills again with time. It reads no clock: times are ns of one monotonic clock. Not
// thread-safe.
class TokenBucket {
 public:
  struct Limits {
    double burst = 0;       // tokens of a full bucket
    double per_second = 0;  // above 0
  };

  // Full at `now_ns`.
  TokenBucket(Limits limits, int64_t now_ns)
      : limits_(limits), tokens_(limits.burst), filled_ns_(now_ns) {}

  // Takes a token; false where there is none.
  bool Take(int64_t now_ns) {
    Fill(now_ns);
    if (tokens_ < 1 - kRounding) return false;
    tokens_ -= 1;
    return true;
  }

  // Takes tokens even if there are too few. Returns how long the bucket then is in debt, in ns; 0
  // if it is not.
  int64_t Charge(double tokens, int64_t now_ns) {
    Fill(now_ns);
    tokens_ -= tokens;
    return tokens_ >= 0 ? 0 : static_cast<int64_t>(-tokens_ / limits_.per_second * kSecondNs);
  }

  // A full bucket may be forgotten: a new one is the same.
  bool full(int64_t now_ns) {
    Fill(now_ns);
    return tokens_ >= limits_.burst - kRounding;
  }

 private:
  static constexpr double kSecondNs = 1e9;
  static constexpr double kRounding = 1e-6;  // of sums of fractions of a token

  void Fill(int64_t now_ns) {
    const double seconds =
        static_cast<double>(std::max<int64_t>(0, now_ns - filled_ns_)) / kSecondNs;
    tokens_ = std::min(limits_.burst, tokens_ + seconds * limits_.per_second);
    filled_ns_ = std::max(filled_ns_, now_ns);
  }

  Limits limits_;
  double tokens_;
  int64_t filled_ns_;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_TOKEN_BUCKET_H_
