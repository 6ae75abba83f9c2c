// What the running kernel lets the sensor have: tries every tier of every fact.
//
//   coverage_report [--passes FILE]
//
// Prints the report as one line of JSON. FILE gets a line for each pass of the tests that it takes
// to run every tier that loads: the tiers to force, as HOPTRAIL_FORCE_TIERS takes them (in the
// first pass: none).

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include "agent/kernel/plan/force_tiers.h"
#include "agent/kernel/sensor.h"
#include "tests/kernel/own_programs.h"
#include <nlohmann/json.hpp>

namespace hoptrail::kernel_test {
namespace {

using agent::kernel::Sensor;
using agent::kernel::SensorOptions;

// Tier → what came of forcing it; where one sensor was opened for all facts at once.
using Tried = std::map<std::string, std::map<uint32_t, model::FactCoverage>>;

int Fail(const absl::Status& status) {
  fprintf(stderr, "coverage_report: %s\n", status.ToString().c_str());
  return 1;
}

absl::StatusOr<Tried> TryAll() {
  const auto all = agent::kernel::AllTiers();
  size_t most = 0;
  for (const auto& fact : all) most = std::max(most, fact.hooks.size());
  Tried tried;
  for (uint32_t tier = 1; tier <= most; ++tier) {
    SensorOptions options;
    for (const auto& fact : all) {
      if (tier <= fact.hooks.size()) options.force_tiers[fact.fact] = tier;
    }
    auto sensor = Sensor::Open(options);
    if (!sensor.ok()) return sensor.status();
    for (const model::FactCoverage& row : (*sensor)->Coverage()) {
      if (options.force_tiers.count(row.fact) != 0) tried[row.fact][tier] = row;
    }
  }
  return tried;
}

// Why the tier does not load, of the refusals of a report in which it was forced.
std::string ReasonFor(const model::FactCoverage& row, const std::string& hook) {
  for (const std::string& refusal : row.refusals) {
    if (refusal.compare(0, hook.size() + 2, hook + ": ") == 0)
      return refusal.substr(hook.size() + 2);
  }
  return "";
}

std::vector<uint32_t> LoadableTiers(const Tried& tried, const std::string& fact) {
  std::vector<uint32_t> tiers;
  for (const auto& [tier, row] : tried.at(fact)) {
    if (row.tier == tier) tiers.push_back(tier);
  }
  return tiers;
}

void WritePasses(const Tried& tried, const char* path) {
  std::ofstream file(path);
  size_t passes = 1;
  for (const auto& [fact, rows] : tried) {
    passes = std::max(passes, LoadableTiers(tried, fact).size());
  }
  for (size_t pass = 0; pass < passes; ++pass) {
    std::string forced;
    for (const auto& [fact, rows] : tried) {
      const std::vector<uint32_t> tiers = LoadableTiers(tried, fact);
      if (pass == 0 || pass >= tiers.size()) continue;
      forced += (forced.empty() ? "" : ",") + fact + "=" + std::to_string(tiers[pass]);
    }
    file << forced << "\n";
  }
}

int PrintReport(const Tried& tried) {
  auto sensor = Sensor::Open(SensorOptions());
  if (!sensor.ok()) return Fail(sensor.status());
  nlohmann::ordered_json report;
  report["kernel"] = Sensor::KernelRelease();
  for (const model::FactCoverage& row : (*sensor)->Coverage()) {
    nlohmann::ordered_json fact = {{"fact", row.fact}, {"hook", row.hook}, {"tier", row.tier}};
    fact["refusals"] = row.refusals;
    for (const auto& tiers : agent::kernel::AllTiers()) {
      if (tiers.fact != row.fact) continue;
      for (uint32_t tier = 1; tier <= tiers.hooks.size(); ++tier) {
        const model::FactCoverage& forced = tried.at(row.fact).at(tier);
        const std::string& hook = tiers.hooks[tier - 1];
        fact["tiers"].push_back({{"tier", tier},
                                 {"hook", hook},
                                 {"loads", forced.tier == tier},
                                 {"why_not", ReasonFor(forced, hook)},
                                 {"misses", forced.misses}});
      }
    }
    report["facts"].push_back(std::move(fact));
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
  const absl::StatusOr<Tried> tried = TryAll();
  if (!tried.ok()) return Fail(tried.status());
  if (argc == 3 && strcmp(argv[1], "--passes") == 0) WritePasses(*tried, argv[2]);
  return PrintReport(*tried);
}

}  // namespace
}  // namespace hoptrail::kernel_test

int main(int argc, char** argv) { return hoptrail::kernel_test::Main(argc, argv); }
