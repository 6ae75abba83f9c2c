#include "agent/kernel/plan/uprobe_plan.h"

#include "absl/strings/str_cat.h"

namespace hoptrail::agent::kernel {

const std::vector<UprobeSource>& UprobeTable() {
  static const auto* const table = new std::vector<UprobeSource>{
      {.source = "pam",
       .target = "libpam",
       .library = "libpam.so.0",
       .probes = {{"ht_pam_start", "pam_start"},
                  {"ht_pam_set_item", "pam_set_item"},
                  {"ht_pam_authenticate", "pam_authenticate", true},
                  {"ht_pam_open_session", "pam_open_session", true},
                  {"ht_pam_close_session", "pam_close_session", true}}},
      {.source = "sshd",
       .target = "syslog",
       .library = "libc.so.6",
       .probes = {{"ht_syslog_chk", "__syslog_chk"}, {"ht_syslog", "syslog"}},
       .all_needed = false},
  };
  return *table;
}

std::map<std::string, UprobeMethod> PlanUprobes(const absl::Status& uprobe_multi,
                                                const ForcedTiers& forced) {
  std::map<std::string, UprobeMethod> ways;
  for (const UprobeSource& source : UprobeTable()) {
    UprobeMethod& way = ways[source.source];
    const auto force = forced.find(source.source);
    for (uint32_t tier : {1u, 2u}) {
      const std::string hook = absl::StrCat(tier == 1 ? "uprobe_multi/" : "uprobe/", source.target);
      if (force != forced.end() && force->second != tier) {
        way.refusals.push_back(absl::StrCat(hook, ": ", kNotTried));
      } else if (tier == 1 && !uprobe_multi.ok()) {
        way.refusals.push_back(absl::StrCat(hook, ": ", uprobe_multi.message()));
      } else if (way.tier == 0) {
        way.tier = tier;
      }
    }
  }
  return ways;
}

}  // namespace hoptrail::agent::kernel
