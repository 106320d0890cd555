export { causeOf, errnoName, errnoOf, errnoRemedy, errnoText } from "./errno";
export { type ErrorDetails, type ErrorReport, errorLine, HpcError, type Sentence } from "./errors";
