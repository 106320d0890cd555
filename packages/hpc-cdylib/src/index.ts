export { type BuiltPlugin, buildPlugin } from "./build";
export { type Check, checkPlugin, type PluginCheck } from "./check";
export { formatConf, type PluginConf, parseConf } from "./conf";
export { CdylibError, type CdylibErrorCode } from "./errors";
export { type Installed, type InstallOptions, installPlugin } from "./install";
export { builtBackend, builtHost, builtPlugin, CONF_NAME, PLUGIN_NAME } from "./locate";
