#include "agent/privilege/system_calls.h"

#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

#include "agent/privilege/system_call_table.h"

namespace hoptrail::agent::privilege {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

scmp_arg_cmp Compare(const Condition& condition) {
  const uint64_t value = condition.own_pid ? static_cast<uint64_t>(::getpid()) : condition.value;
  scmp_arg_cmp compare = {};
  compare.arg = condition.argument;
  compare.op = condition.mask == kWhole ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
  compare.datum_a = condition.mask == kWhole ? value : condition.mask;
  compare.datum_b = condition.mask == kWhole ? 0 : value;
  return compare;
}

absl::Status Add(scmp_filter_ctx filter, uint32_t action, const AllowedCall& call) {
  const int number = seccomp_syscall_resolve_name(call.name);
  // The architecture has no such call, or libseccomp does not know it yet.
  if (number == __NR_SCMP_ERROR) return absl::OkStatus();
  int error = 0;
  if (call.conditions.empty()) error = seccomp_rule_add_array(filter, action, number, 0, nullptr);
  // Any one of them is enough.
  for (const Condition& condition : call.conditions) {
    const scmp_arg_cmp compare = Compare(condition);
    if (error == 0) error = seccomp_rule_add_array(filter, action, number, 1, &compare);
  }
  // EACCES: the action is the filter's default.
  if (error == 0 || error == -EACCES) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("seccomp: the rule for ", call.name, ": ", strerror(-error)));
}

std::string Describe(const AllowedCall& call) {
  std::string line = absl::StrCat("  ", call.name);
  for (size_t i = 0; i < call.conditions.size(); ++i) {
    absl::StrAppend(&line, i == 0 ? "  only " : " or ", call.conditions[i].meaning);
  }
  return absl::StrCat(line, "\n");
}

}  // namespace

absl::Status RestrictSystemCalls(Role role) {
  const uint32_t otherwise = role == Role::kSupervisor ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS);
  const Filter filter(seccomp_init(otherwise), &seccomp_release);
  if (filter == nullptr) return absl::InternalError("seccomp_init");
  for (const AllowedCall& call : AllowedCalls(role)) {
    const absl::Status status = Add(filter.get(), SCMP_ACT_ALLOW, call);
    if (!status.ok()) return status;
  }
  for (const char* name : FatalCalls(role)) {
    const absl::Status status = Add(filter.get(), SCMP_ACT_KILL_PROCESS, {name, {}});
    if (!status.ok()) return status;
  }
  const int error = seccomp_load(filter.get());
  if (error == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("seccomp_load: ", strerror(-error)));
}

std::string DescribeSystemCalls() {
  std::string text;
  for (const Role role : {Role::kWorker, Role::kLoader}) {
    const std::vector<AllowedCall>& allowed = AllowedCalls(role);
    absl::StrAppend(&text, role == Role::kWorker ? "worker" : "loader", " may call ",
                    allowed.size(), ":\n");
    for (const AllowedCall& call : allowed) absl::StrAppend(&text, Describe(call));
  }
  for (const Role role : {Role::kWorker, Role::kLoader, Role::kSupervisor}) {
    absl::StrAppend(&text,
                    role == Role::kWorker   ? "worker"
                    : role == Role::kLoader ? "loader"
                                            : "supervisor",
                    " ends with SIGSYS at:\n ");
    for (const char* name : FatalCalls(role)) absl::StrAppend(&text, " ", name);
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace hoptrail::agent::privilege
