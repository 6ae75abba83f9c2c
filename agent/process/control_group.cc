#include "agent/process/control_group.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace hoptrail::agent::process {
namespace {

constexpr size_t kMaxPaths = 16;
constexpr size_t kMaxComponents = 64;
constexpr size_t kIdDigits = 64;
constexpr size_t kLeastIdDigits = 12;
constexpr size_t kUuidBytes = 36;

bool IsLowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsHex(absl::string_view text, size_t least) {
  return text.size() >= least && std::all_of(text.begin(), text.end(), IsLowerHex);
}

bool IsUuid(absl::string_view text) {
  if (text.size() != kUuidBytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsLowerHex(text[i])) return false;
  }
  return true;
}

std::string Printable(absl::string_view text) {
  std::string clean(text.substr(0, ControlGroup::kMaxName));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return !absl::ascii_isgraph(c); }, '_');
  return clean;
}

// systemd puts an underscore before names that could clash with the kernel's own cgroup files.
absl::string_view UnitOf(absl::string_view component) {
  absl::ConsumePrefix(&component, "_");
  return component;
}

// "docker-ID", "cri-containerd-ID", "libpod-payload-ID". Not "crio-conmon-ID": conmon monitors the
// container from outside.
absl::string_view IdAfterPrefix(absl::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == absl::string_view::npos || dash == 0) return {};
  const absl::string_view prefix = name.substr(0, dash);
  const absl::string_view id = name.substr(dash + 1);
  if (absl::EndsWith(prefix, "conmon")) return {};
  const bool known = prefix == "docker" || prefix == "cri-containerd" || prefix == "crio" ||
                     prefix == "libpod" || prefix == "libpod-payload" || prefix == "nerdctl" ||
                     prefix == "containerd";
  return IsHex(id, known ? kLeastIdDigits : kIdDigits) && id.size() <= kIdDigits
             ? id
             : absl::string_view();
}

// The container whose group component `i` is; empty if it is no container's group.
absl::string_view ContainerAt(const std::vector<absl::string_view>& components, size_t i) {
  const absl::string_view name = components[i];
  const absl::string_view parent = i > 0 ? components[i - 1] : absl::string_view();
  const absl::string_view next = i + 1 < components.size() ? components[i + 1] : "";
  absl::string_view bare = name;
  const bool scope = absl::ConsumeSuffix(&bare, ".scope");
  if (bare.size() == kIdDigits && IsHex(bare, kIdDigits)) return bare;
  if (const absl::string_view id = IdAfterPrefix(bare); !id.empty()) return id;

  // LXC has several layouts.
  if (absl::ConsumePrefix(&bare, "lxc.payload.")) return bare;
  if (parent == "lxc" || parent == "lxc.payload") return name;

  // systemd-nspawn and other machines of systemd-machined, except virtual machines. The subgroup
  // "supervisor" is outside the container.
  if (absl::ConsumePrefix(&bare, "systemd-nspawn@") && absl::ConsumeSuffix(&bare, ".service")) {
    return next.empty() || next == "supervisor" ? absl::string_view() : bare;
  }
  if (scope && absl::ConsumePrefix(&bare, "machine-")) {
    return absl::StartsWith(bare, "qemu") || next == "supervisor" ? absl::string_view() : bare;
  }

  // Schedulers with their own names for containers.
  if (parent == "garden" || parent == "mesos") return IsUuid(name) ? name : absl::string_view();
  if (components[0] == "nomad.slice" && scope && IsUuid(bare.substr(0, bare.find('.')))) {
    return bare;
  }
  if (components[0] == "ecs" && i > 1) {
    const size_t dash = name.find('-');
    if (dash != absl::string_view::npos && IsHex(name.substr(0, dash), 32)) return name;
  }
  return {};
}

bool IsService(absl::string_view unit) {
  constexpr absl::string_view kSuffix = ".service";
  return unit.size() > kSuffix.size() && absl::EndsWith(unit, kSuffix);
}

bool IsUnit(absl::string_view name) {
  for (absl::string_view kind : {".service", ".scope", ".mount", ".socket", ".swap"}) {
    if (name.size() > kind.size() && absl::EndsWith(name, kind)) return name != "init.scope";
  }
  return false;
}

// The innermost service; without one, the innermost unit of another kind.
absl::string_view InnermostUnit(const std::vector<absl::string_view>& components, size_t end) {
  absl::string_view other;
  for (size_t i = end; i-- > 0;) {
    const absl::string_view unit = UnitOf(components[i]);
    if (IsService(unit)) return unit;
    if (other.empty() && IsUnit(unit)) other = unit;
  }
  return other;
}

ControlGroup ReadPath(absl::string_view path) {
  std::vector<absl::string_view> components = absl::StrSplit(path, '/', absl::SkipEmpty());
  // In a cgroup namespace a path outside the reader's own root begins with "..".
  components.erase(std::remove(components.begin(), components.end(), ".."), components.end());
  if (components.size() > kMaxComponents) components.resize(kMaxComponents);
  ControlGroup group;
  size_t end = components.size();
  for (size_t i = components.size(); i-- > 0;) {
    const absl::string_view container = ContainerAt(components, i);
    if (container.empty()) continue;
    if (group.container.empty()) group.container = Printable(UnescapeUnit(container));
    end = i;
  }
  group.unit = Printable(InnermostUnit(components, end));
  return group;
}

}  // namespace

bool ControlGroup::is_service() const { return IsService(unit); }

ControlGroup ReadControlGroups(const std::vector<std::string>& paths) {
  ControlGroup all;
  for (size_t i = 0; i < std::min(paths.size(), kMaxPaths); ++i) {
    ControlGroup one = ReadPath(paths[i]);
    if (all.container.empty()) all.container = std::move(one.container);
    if (all.unit.empty() || (!all.is_service() && one.is_service())) all.unit = std::move(one.unit);
  }
  return all;
}

std::string UnescapeUnit(absl::string_view unit) {
  std::string text;
  while (!unit.empty()) {
    if (absl::StartsWith(unit, "\\x") && unit.size() >= 4 && absl::ascii_isxdigit(unit[2]) &&
        absl::ascii_isxdigit(unit[3])) {
      const auto digit = [&](size_t at) {
        return absl::ascii_isdigit(unit[at]) ? unit[at] - '0' : (unit[at] | 0x20) - 'a' + 10;
      };
      const char byte = static_cast<char>(digit(2) << 4 | digit(3));
      if (absl::ascii_isgraph(byte) && byte != '/' && byte != '\\') {
        text.push_back(byte);
        unit.remove_prefix(4);
        continue;
      }
    }
    text.push_back(unit[0]);
    unit.remove_prefix(1);
  }
  return text;
}

}  // namespace hoptrail::agent::process
