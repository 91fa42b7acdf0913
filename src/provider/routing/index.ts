export { RoutingTable, type RouteTarget, type RoutingTableOptions } from './routing-table.ts';
