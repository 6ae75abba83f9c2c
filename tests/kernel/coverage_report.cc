// Tries every tier of every event source on the running kernel.
//
//   coverage_report [--every-tier] [--passes FILE]
//
// Prints the report as one line of JSON. Writes one line to FILE for each pass of the tests: the
// tiers to force in it, in the form of HOPTRAIL_FORCE_TIERS. The first pass forces none; the others
// cover the last tier that loads, or with --every-tier each tier that loads.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"

#include "agent/kernel/plan/force_tiers.h"
#include "agent/kernel/sensor.h"
#include "core/base/kernel_release.h"
#include "tests/kernel/own_programs.h"
#include <nlohmann/json.hpp>

namespace hoptrail::kernel_test {
namespace {

using agent::kernel::Sensor;
using agent::kernel::SensorOptions;

// Source → tier → its coverage with that tier forced. One sensor forces a tier of all sources.
using Tried = std::map<std::string, std::map<uint32_t, model::SourceCoverage>>;

int Fail(const absl::Status& status) {
  fprintf(stderr, "coverage_report: %s\n", status.ToString().c_str());
  return 1;
}

absl::StatusOr<Tried> TryAll() {
  const auto all = agent::kernel::AllTiers();
  size_t most = 0;
  for (const auto& source : all) most = std::max(most, source.hooks.size());
  Tried tried;
  for (uint32_t tier = 1; tier <= most; ++tier) {
    SensorOptions options;
    for (const auto& source : all) {
      if (tier <= source.hooks.size()) options.force_tiers[source.source] = tier;
    }
    auto sensor = Sensor::Open(options);
    if (!sensor.ok()) return sensor.status();
    for (const model::SourceCoverage& row : (*sensor)->Coverage()) {
      if (options.force_tiers.count(row.source) != 0) tried[row.source][tier] = row;
    }
  }
  return tried;
}

// Why the hook does not load, from the refusals of a report in which its tier was forced.
std::string ReasonFor(const model::SourceCoverage& row, const std::string& hook) {
  for (const std::string& refusal : row.refusals) {
    if (refusal.compare(0, hook.size() + 2, hook + ": ") == 0)
      return refusal.substr(hook.size() + 2);
  }
  return "";
}

std::vector<uint32_t> LoadableTiers(const Tried& tried, const std::string& source) {
  std::vector<uint32_t> tiers;
  for (const auto& [tier, row] : tried.at(source)) {
    if (row.tier == tier) tiers.push_back(tier);
  }
  return tiers;
}

// The tiers of a source that the passes after the first one force, in their order.
std::vector<uint32_t> TiersToForce(const Tried& tried, const std::string& source, bool every_tier) {
  std::vector<uint32_t> tiers = LoadableTiers(tried, source);
  const size_t unwanted = tiers.size() < 2 ? tiers.size() : every_tier ? 1 : tiers.size() - 1;
  tiers.erase(tiers.begin(), tiers.begin() + static_cast<std::ptrdiff_t>(unwanted));
  return tiers;
}

void WritePasses(const Tried& tried, bool every_tier, const char* path) {
  std::vector<std::string> passes(1);
  for (const auto& [source, rows] : tried) {
    size_t pass = 1;
    for (const uint32_t tier : TiersToForce(tried, source, every_tier)) {
      if (pass == passes.size()) passes.emplace_back();
      absl::StrAppend(&passes[pass], passes[pass].empty() ? "" : ",", source, "=", tier);
      ++pass;
    }
  }
  std::ofstream file(path);
  for (const std::string& pass : passes) file << pass << "\n";
}

int PrintReport(const Tried& tried) {
  auto sensor = Sensor::Open(SensorOptions());
  if (!sensor.ok()) return Fail(sensor.status());
  nlohmann::ordered_json report;
  report["kernel"] = KernelRelease();
  for (const model::SourceCoverage& row : (*sensor)->Coverage()) {
    nlohmann::ordered_json source = {
        {"source", row.source}, {"hook", row.hook}, {"tier", row.tier}};
    source["refusals"] = row.refusals;
    for (const auto& tiers : agent::kernel::AllTiers()) {
      if (tiers.source != row.source) continue;
      for (uint32_t tier = 1; tier <= tiers.hooks.size(); ++tier) {
        const model::SourceCoverage& forced = tried.at(row.source).at(tier);
        const std::string& hook = tiers.hooks[tier - 1];
        source["tiers"].push_back({{"tier", tier},
                                   {"hook", hook},
                                   {"loads", forced.tier == tier},
                                   {"why_not", ReasonFor(forced, hook)},
                                   {"misses", forced.misses}});
      }
    }
    report["sources"].push_back(std::move(source));
  }
  for (const LoadedProgram& program : OwnPrograms()) {
    report["programs"].push_back({{"name", program.name},
                                  {"lines", program.lines},
                                  {"instructions", program.instructions},
                                  {"machine_bytes", program.machine_bytes},
                                  {"verified_instructions", program.verified_instructions}});
  }
  report["tracepoints"] = OwnTracepoints();
  puts(report.dump().c_str());
  return 0;
}

int Main(int argc, char** argv) {
  const char* passes = nullptr;
  bool every_tier = false;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--every-tier") == 0) {
      every_tier = true;
    } else if (strcmp(argv[i], "--passes") == 0 && i + 1 < argc) {
      passes = argv[++i];
    } else {
      return Fail(absl::InvalidArgumentError(absl::StrCat("unknown argument ", argv[i])));
    }
  }
  const absl::StatusOr<Tried> tried = TryAll();
  if (!tried.ok()) return Fail(tried.status());
  if (passes != nullptr) WritePasses(*tried, every_tier, passes);
  return PrintReport(*tried);
}

}  // namespace
}  // namespace hoptrail::kernel_test

int main(int argc, char** argv) { return hoptrail::kernel_test::Main(argc, argv); }
