#include "core/config/findings.h"

#include <string>

#include <gtest/gtest.h>

namespace hoptrail::config {
namespace {

TEST(KeyPlaces, AbsentKey_HasTheLineOfItsNearestParent) {
  KeyPlaces places("a.yaml");
  places.Put("collector", 3);
  places.Put("collector.address", 4);
  places.Put("listen[1]", 9);
  EXPECT_EQ(places.Of("collector.address"), "a.yaml:4: collector.address");
  EXPECT_EQ(places.Of("collector.tls.key_file"), "a.yaml:3: collector.tls.key_file");
  EXPECT_EQ(places.Of("listen[1].address"), "a.yaml:9: listen[1].address");
  EXPECT_EQ(places.Of("spool"), "a.yaml:1: spool");
  EXPECT_EQ(places.Fault("collector", "odd"),
            absl::InvalidArgumentError("a.yaml:3: collector: odd"));
}

TEST(Findings, FirstOf_IsTheFirstOfThatWeight) {
  Findings findings(KeyPlaces("a.yaml"));
  EXPECT_TRUE(findings.FirstOf(Weight::kWarning).ok());
  findings.Add(Weight::kWarning, "a", "w");
  findings.Add(Weight::kError, "b", absl::OkStatus());
  EXPECT_EQ(findings.all().size(), 1u);
  EXPECT_TRUE(findings.FirstOf(Weight::kPassing).ok());
  findings.Add(Weight::kPassing, "c", "p");
  findings.Add(Weight::kError, "d", absl::NotFoundError("e"));
  EXPECT_EQ(findings.FirstOf(Weight::kWarning), absl::InvalidArgumentError("a.yaml:1: a: w"));
  EXPECT_EQ(findings.FirstOf(Weight::kPassing), absl::InvalidArgumentError("a.yaml:1: c: p"));
  EXPECT_EQ(findings.FirstOf(Weight::kError), absl::InvalidArgumentError("a.yaml:1: d: e"));
}

}  // namespace
}  // namespace hoptrail::config
