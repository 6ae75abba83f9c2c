#ifndef HOPTRAIL_CLI_HOST_VIEW_H_
#define HOPTRAIL_CLI_HOST_VIEW_H_

// Hosts for people: in a table, and one by one. Pure.

#include <string>
#include <vector>

#include "cli/text.h"

namespace hoptrail::v1 {
class Degradation;
class Host;
}  // namespace hoptrail::v1

namespace hoptrail::cli {

// A degradation in a few words: "spool full".
std::string DegradationWord(const v1::Degradation& degradation);
// The same as a sentence with its reason and since when.
std::string DegradationSentence(const v1::Degradation& degradation, const Style& style);

// One line for each host; with `coverage` also RenderCoverage() of each host.
std::string RenderHosts(const std::vector<v1::Host>& hosts, bool coverage, const Style& style);

// Everything about one host: what is degraded, its boots, its losses, its coverage.
std::string RenderHost(const v1::Host& host, const Style& style);

// The hook of each event source, what it does not see, and why better hooks are not in use; and the
// latest losses.
std::string RenderCoverage(const v1::Host& host, const Style& style);

// Says that the host was removed from the list, or only its boot `boot` where that is not empty.
std::string RenderRemoved(const v1::Host& host, const std::string& boot, const Style& style);

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_HOST_VIEW_H_
