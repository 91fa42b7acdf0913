export { gatewayHandlers, type GatewayOptions } from './gateway-handlers.ts';
