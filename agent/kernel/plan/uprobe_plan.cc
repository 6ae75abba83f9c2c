#include "agent/kernel/plan/uprobe_plan.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hoptrail::agent::kernel {

const std::vector<UprobeSource>& UprobeTable() {
  static const auto* const table = new std::vector<UprobeSource>{
      {.source = "pam",
       .record_type = HT_TYPE_PAM,
       .target = "libpam",
       .library = "libpam.so.0",
       .caller = "sshd",
       .probes = {{"ht_pam_start", "pam_start"},
                  {"ht_pam_set_item", "pam_set_item"},
                  {"ht_pam_authenticate", "pam_authenticate", true},
                  {"ht_pam_open_session", "pam_open_session", true},
                  {"ht_pam_close_session", "pam_close_session", true}}},
      // glibc before 2.34 is a file "libc-2.31.so"; musl is "ld-musl-x86_64.so.1" and "libc.so".
      {.source = "sshd",
       .record_type = HT_TYPE_SSHD,
       .target = "syslog",
       .library = "libc.so.6",
       .other_libraries = {"libc.so", "libc-2.", "ld-musl-"},
       .caller = "sshd",
       .caller_needs_library = true,
       .probes = {{"ht_syslog_chk", "__syslog_chk"}, {"ht_syslog", "syslog"}},
       .all_needed = false},
      // And its part that authenticates since OpenSSH 9.8.
      {.source = "sshd decisions",
       .record_type = HT_TYPE_SSHD,
       .target = "sshd",
       .library = "sshd",
       .other_libraries = {"sshd-session"},
       .in_program = true,
       .caller = "sshd",
       .probes = {{"ht_sshd_key_chk", "__vasprintf_chk"},
                  {"ht_sshd_key", "vasprintf"},
                  {"ht_sshd_method_chk", "__vsnprintf_chk"},
                  {"ht_sshd_method", "vsnprintf"},
                  {"ht_sshd_line_chk", "__snprintf_chk"},
                  {"ht_sshd_line", "snprintf"}},
       .all_needed = false},
      // Also under the name of the file that has all of dropbear's programs.
      {.source = "dropbear",
       .record_type = HT_TYPE_SSHD,
       .target = "dropbear",
       .library = "dropbear",
       .other_libraries = {"dropbearmulti"},
       .in_program = true,
       .caller = "dropbear",
       .probes = {{"ht_dropbear_syslog_chk", "__syslog_chk"},
                  {"ht_dropbear_syslog", "syslog"},
                  {"ht_dropbear_stderr_chk", "__fprintf_chk"},
                  {"ht_dropbear_stderr", "fprintf"}},
       .all_needed = false},
  };
  return *table;
}

std::set<std::string> UprobePrograms() {
  std::set<std::string> programs;
  for (const UprobeSource& source : UprobeTable()) {
    for (const UprobeProbe& probe : source.probes) programs.insert(probe.program);
  }
  return programs;
}

bool IsCaller(const UprobeSource& source, absl::string_view command) {
  return command == source.caller || absl::StartsWith(command, absl::StrCat(source.caller, "-"));
}

bool MayHaveFunctions(const UprobeSource& source, absl::string_view file_name) {
  return file_name == source.library ||
         absl::c_any_of(source.other_libraries, [file_name](const std::string& beginning) {
           return absl::StartsWith(file_name, beginning);
         });
}

std::string UprobeHook(const UprobeSource& source, uint32_t tier) {
  return absl::StrCat(tier == kUprobeMultiTier ? "uprobe_multi/" : "uprobe/", source.target);
}

std::map<std::string, UprobeMethod> PlanUprobes(const absl::Status& uprobe_multi,
                                                const ForcedTiers& forced) {
  std::map<std::string, UprobeMethod> methods;
  for (const UprobeSource& source : UprobeTable()) {
    UprobeMethod& method = methods[source.source];
    const auto force = forced.find(source.source);
    for (uint32_t tier : {kUprobeMultiTier, kUprobePerfTier}) {
      const std::string hook = UprobeHook(source, tier);
      if (force != forced.end() && force->second != tier) {
        method.refusals.push_back(absl::StrCat(hook, ": ", kNotTried));
      } else if (tier == kUprobeMultiTier && !uprobe_multi.ok()) {
        method.refusals.push_back(absl::StrCat(hook, ": ", uprobe_multi.message()));
      } else if (method.tier == 0) {
        method.tier = tier;
      }
    }
  }
  return methods;
}

bool IsForUprobeMulti(const std::string& program,
                      const std::map<std::string, UprobeMethod>& methods) {
  for (const UprobeSource& source : UprobeTable()) {
    for (const UprobeProbe& probe : source.probes) {
      if (probe.program == program) return methods.at(source.source).tier == kUprobeMultiTier;
    }
  }
  return false;
}

}  // namespace hoptrail::agent::kernel
