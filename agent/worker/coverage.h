#ifndef HOPTRAIL_AGENT_WORKER_COVERAGE_H_
#define HOPTRAIL_AGENT_WORKER_COVERAGE_H_

#include <string>
#include <vector>

#include "agent/config/settings.h"
#include "core/model/fact.h"

namespace hoptrail::agent {

// Whether the loader's forks, which are its heartbeats, are among the events that the agent sees.
bool SeesTheLoader(const Settings& settings, const std::vector<model::SourceCoverage>& coverage);

// The event sources that every path needs and that no hook serves: "tcp, accept". Empty where there
// are none.
std::string BlindSources(const std::vector<model::SourceCoverage>& coverage);

// Logs the hook plan, a line for each event source.
void LogCoverage(const std::vector<model::SourceCoverage>& coverage);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_COVERAGE_H_
