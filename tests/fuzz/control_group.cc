// The names of control groups, which the creator of a group chooses: one path a line.

#include "agent/process/control_group.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  using agent::process::ControlGroup;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> paths = absl::StrSplit(text, '\n');
  const ControlGroup group = agent::process::ReadControlGroups(paths);
  const auto printable = [](char c) { return absl::ascii_isgraph(c); };
  for (const std::string& name : {group.container, group.unit}) {
    fuzz::Require(name.size() <= ControlGroup::kMaxName, "a name is bounded");
    fuzz::Require(std::all_of(name.begin(), name.end(), printable), "a name is printable");
    fuzz::Require(name.find('/') == std::string::npos, "a name is one component");
  }
  const std::string shown = agent::process::UnescapeUnit(group.unit);
  fuzz::Require(shown.size() <= group.unit.size(), "unescaping adds nothing");
  fuzz::Require(std::all_of(shown.begin(), shown.end(), printable),
                "an unescaped name is printable");
  fuzz::Require(shown.find('/') == std::string::npos, "an unescaped name is one component");
  return 0;
}
