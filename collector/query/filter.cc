#include "collector/query/filter.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <google/protobuf/descriptor.h>

#include "collector/query/filter_terms.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::query {
namespace {

absl::Status BadValue(const Term& term, absl::string_view what) {
  return FilterFault(term.value_at, absl::StrCat("'", term.value, "' is ", what));
}

// A field that a filter may name. Each function stores the value of a term.
struct Field {
  absl::string_view name;
  std::function<absl::Status(const Term&)> equal;
  std::function<absl::Status(const Term&)> at_least = nullptr;
};

absl::Status Apply(absl::string_view text, std::initializer_list<Field> fields) {
  HT_ASSIGN_OR_RETURN(const std::vector<Term> terms, ScanFilter(text));
  std::set<std::string> seen;
  for (const Term& term : terms) {
    const Field* field = nullptr;
    std::vector<absl::string_view> names;
    for (const Field& f : fields) {
      names.push_back(f.name);
      if (f.name == term.field) field = &f;
    }
    if (field == nullptr) {
      return FilterFault(term.field_at, absl::StrCat("no field '", term.field, "'; there are ",
                                                     absl::StrJoin(names, ", ")));
    }
    const bool equal = term.op == "=";
    if (!equal && !(term.op == ">=" && field->at_least)) {
      return FilterFault(term.op_at,
                         absl::StrCat("the operator '", term.op, "' does not fit ", term.field));
    }
    if (!seen.insert(term.field + term.op).second) {
      return FilterFault(term.field_at, absl::StrCat(term.field, " is given twice"));
    }
    HT_RETURN_IF_ERROR(equal ? field->equal(term) : field->at_least(term));
  }
  return absl::OkStatus();
}

// Accepts digits only: no sign, no blank.
bool ParseNumber(absl::string_view text, uint32_t least, uint32_t most, uint32_t* out) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, out) && *out >= least && *out <= most;
}

std::function<absl::Status(const Term&)> Text(std::optional<std::string>* out) {
  return [out](const Term& term) {
    *out = term.value;
    return absl::OkStatus();
  };
}

std::function<absl::Status(const Term&)> Bool(std::optional<bool>* out) {
  return [out](const Term& term) {
    if (term.value != "true" && term.value != "false") return BadValue(term, "not true or false");
    *out = term.value == "true";
    return absl::OkStatus();
  };
}

// Model and wire enumerations share their numbers.
template <typename Model>
std::function<absl::Status(const Term&)> Enum(const google::protobuf::EnumDescriptor* descriptor,
                                              std::optional<Model>* out) {
  return [descriptor, out](const Term& term) {
    const auto* value = descriptor->FindValueByName(absl::AsciiStrToUpper(term.value));
    if (value == nullptr || value->number() == 0) {
      std::vector<std::string> names;
      for (int i = 1; i < descriptor->value_count(); ++i) {
        names.push_back(descriptor->value(i)->name());
      }
      return BadValue(term, absl::StrCat("none of ", absl::StrJoin(names, ", ")));
    }
    *out = static_cast<Model>(value->number());
    return absl::OkStatus();
  };
}

// Accepts one value, or several separated by commas.
template <typename Model>
std::function<absl::Status(const Term&)> Enums(const google::protobuf::EnumDescriptor* descriptor,
                                               std::vector<Model>* out) {
  return [descriptor, out](const Term& term) -> absl::Status {
    for (absl::string_view word : absl::StrSplit(term.value, ',')) {
      Term one = term;
      one.value = std::string(word);
      std::optional<Model> value;
      HT_RETURN_IF_ERROR(Enum(descriptor, &value)(one));
      out->push_back(*value);
    }
    return absl::OkStatus();
  };
}

template <typename Id>
std::function<absl::Status(const Term&)> Name(absl::StatusOr<Id> (*parse)(absl::string_view),
                                              std::optional<Id>* out) {
  return [parse, out](const Term& term) {
    absl::StatusOr<Id> id = parse(term.value);
    if (!id.ok()) return BadValue(term, absl::StrCat("no name: ", id.status().message()));
    *out = *id;
    return absl::OkStatus();
  };
}

}  // namespace

absl::StatusOr<store::SessionFilter> ParseSessionFilter(absl::string_view text) {
  store::SessionFilter filter;
  HT_RETURN_IF_ERROR(Apply(text, {{"host", Name(wire::ParseMachineOrHostName, &filter.host)},
                                  {"host_name", Text(&filter.host_name)},
                                  {"user", Text(&filter.user)},
                                  {"kind", Enums(v1::EntryKind_descriptor(), &filter.kinds)},
                                  {"logged_in", Bool(&filter.logged_in)},
                                  {"open", Bool(&filter.open)}}));
  return filter;
}

absl::StatusOr<store::HopFilter> ParseHopFilter(absl::string_view text) {
  store::HopFilter filter;
  HT_RETURN_IF_ERROR(Apply(text, {{"host", Name(wire::ParseMachineOrHostName, &filter.host)},
                                  {"session", Name(wire::ParseSessionName, &filter.session)},
                                  {"proof", Enum(v1::Proof_descriptor(), &filter.proof)}}));
  return filter;
}

absl::StatusOr<store::EdgeFilter> ParseEdgeFilter(absl::string_view text) {
  store::EdgeFilter filter;
  auto peer = [&filter](const Term& term) {
    absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(term.value);
    if (!address.ok()) return BadValue(term, "no address");
    filter.peer = *address;
    return absl::OkStatus();
  };
  auto port = [&filter](const Term& term) {
    uint32_t number = 0;
    if (!ParseNumber(term.value, 0, 65535, &number)) return BadValue(term, "no port");
    filter.server_port = static_cast<uint16_t>(number);
    return absl::OkStatus();
  };
  auto protocol = [&filter](const Term& term) {
    uint32_t number = 0;
    if (!ParseNumber(term.value, 1, 255, &number)) return BadValue(term, "no protocol number");
    filter.protocol = static_cast<uint8_t>(number);
    return absl::OkStatus();
  };
  HT_RETURN_IF_ERROR(Apply(text, {{"host", Name(wire::ParseMachineOrHostName, &filter.host)},
                                  {"peer", peer},
                                  {"program", Text(&filter.program)},
                                  {"server_port", port},
                                  {"protocol", protocol},
                                  {"side", Enum(v1::HopSide_descriptor(), &filter.side)}}));
  return filter;
}

absl::StatusOr<store::DetectionFilter> ParseDetectionFilter(absl::string_view text) {
  store::DetectionFilter filter;
  const auto* severity = v1::Severity_descriptor();
  HT_RETURN_IF_ERROR(Apply(
      text, {{"rule", Text(&filter.rule)},
             {"severity", Enum(severity, &filter.severity), Enum(severity, &filter.least_severity)},
             {"session", Name(wire::ParseSessionName, &filter.session)},
             {"host", Name(wire::ParseMachineOrHostName, &filter.host)},
             {"host_name", Text(&filter.host_name)},
             {"incident", Name(wire::ParseIncidentName, &filter.incident)}}));
  return filter;
}

absl::StatusOr<store::IncidentFilter> ParseIncidentFilter(absl::string_view text) {
  store::IncidentFilter filter;
  const auto* severity = v1::Severity_descriptor();
  HT_RETURN_IF_ERROR(Apply(
      text, {{"state", Enum(v1::IncidentState_descriptor(), &filter.state)},
             {"severity", Enum(severity, &filter.severity), Enum(severity, &filter.least_severity)},
             {"root", Name(wire::ParseSessionName, &filter.root)}}));
  return filter;
}

absl::StatusOr<store::HostFilter> ParseHostFilter(absl::string_view text) {
  store::HostFilter filter;
  HT_RETURN_IF_ERROR(Apply(text, {{"host_name", Text(&filter.host_name)},
                                  {"state", Enum(v1::HostState_descriptor(), &filter.state)}}));
  return filter;
}

}  // namespace hoptrail::collector::query
