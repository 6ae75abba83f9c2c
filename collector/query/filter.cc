#include "collector/query/filter.h"

#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <google/protobuf/descriptor.h>

#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::query {
namespace {

constexpr size_t kMaxFilterBytes = 4096;

struct Term {
  std::string field;
  std::string op;
  std::string value;
  std::string text;  // for messages
};

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : rest_(text) {}

  bool AtEnd() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    return rest_.empty();
  }

  std::string Word() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    size_t size = 0;
    while (size < rest_.size() && !absl::ascii_isspace(static_cast<unsigned char>(rest_[size])) &&
           !absl::StrContains("=<>!\"()", rest_.substr(size, 1))) {
      ++size;
    }
    return Take(size);
  }

  std::string Operator() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    size_t size = 0;
    while (size < rest_.size() && absl::StrContains("=<>!", rest_.substr(size, 1))) ++size;
    return Take(size);
  }

  absl::StatusOr<std::string> Value() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    if (!absl::ConsumePrefix(&rest_, "\"")) return Word();
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value.push_back(c);
    }
    return absl::InvalidArgumentError("filter: a quoted value has no end");
  }

 private:
  std::string Take(size_t size) {
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }

  absl::string_view rest_;
};

absl::StatusOr<std::vector<Term>> Scan(absl::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: over ", kMaxFilterBytes, " bytes long"));
  }
  std::vector<Term> terms;
  Scanner scanner(text);
  while (!scanner.AtEnd()) {
    if (!terms.empty()) {
      const std::string word = scanner.Word();
      if (word != "AND") {
        return absl::InvalidArgumentError(
            absl::StrCat("filter: 'AND' is expected after '", terms.back().text, "'"));
      }
    }
    Term term;
    term.field = scanner.Word();
    term.op = scanner.Operator();
    HT_ASSIGN_OR_RETURN(term.value, scanner.Value());
    term.text = absl::StrCat(term.field, " ", term.op, " ", term.value);
    if (term.field.empty() || term.op.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("filter: '", term.text, "' is not of the form FIELD = VALUE"));
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

absl::Status BadValue(const Term& term, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("filter: '", term.text, "': '", term.value, "' is ", what));
}

// One field of a filter: stores the value of a term.
struct Field {
  absl::string_view name;
  std::function<absl::Status(const Term&)> equal;
  std::function<absl::Status(const Term&)> at_least = nullptr;
};

absl::Status Apply(absl::string_view text, std::initializer_list<Field> fields) {
  HT_ASSIGN_OR_RETURN(std::vector<Term> terms, Scan(text));
  std::vector<std::string> seen;
  for (const Term& term : terms) {
    const Field* field = nullptr;
    std::vector<absl::string_view> names;
    for (const Field& f : fields) {
      names.push_back(f.name);
      if (f.name == term.field) field = &f;
    }
    if (field == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("filter: '", term.text, "': no field '",
                                                     term.field, "'; there are ",
                                                     absl::StrJoin(names, ", ")));
    }
    const bool equal = term.op == "=";
    if (!equal && !(term.op == ">=" && field->at_least)) {
      return absl::InvalidArgumentError(absl::StrCat("filter: '", term.text, "': the operator '",
                                                     term.op, "' does not fit ", term.field));
    }
    const std::string key = term.field + term.op;
    for (const std::string& s : seen) {
      if (s == key) {
        return absl::InvalidArgumentError(
            absl::StrCat("filter: '", term.text, "': ", term.field, " is given twice"));
      }
    }
    seen.push_back(key);
    HT_RETURN_IF_ERROR(equal ? field->equal(term) : field->at_least(term));
  }
  return absl::OkStatus();
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
    if (value == nullptr) {
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

// One, or several joined by commas.
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
    if (!absl::SimpleAtoi(term.value, &number) || number > 65535) return BadValue(term, "no port");
    filter.server_port = static_cast<uint16_t>(number);
    return absl::OkStatus();
  };
  auto protocol = [&filter](const Term& term) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(term.value, &number) || number == 0 || number > 255) {
      return BadValue(term, "no protocol number");
    }
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
