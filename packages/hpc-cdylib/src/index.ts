export { type BuiltPlugin, buildPlugin } from "./build";
export { type Check, checkPlugin, type PluginCheck } from "./check";
export { type BackendCommand, backendCommand } from "./child";
export { formatConf, type PluginConf, parseConf } from "./conf";
export type { CdylibErrorCode } from "./errors";
export { type Installed, type InstallOptions, installPlugin } from "./install";
export { builtBackend, builtHost, builtPlugin, CONF_NAME, PLUGIN_NAME } from "./locate";
export {
  FilePuller,
  greetBackend,
  type PulledFile,
  type PullJob,
  type PullOptions,
} from "./puller";
