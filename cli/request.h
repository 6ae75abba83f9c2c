#ifndef HOPTRAIL_CLI_REQUEST_H_
#define HOPTRAIL_CLI_REQUEST_H_

#include <string>

#include "cli/client.h"
#include "cli/options.h"
#include "cli/text.h"

namespace hoptrail::cli {

// The objects that a command uses. Not owned.
struct Request {
  const Options& options;
  const Style& style;
  Client* client;
  const std::string& doubt;  // why answers may lack something; empty where they lack nothing
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_REQUEST_H_
