export { RoutingTable, type FailedStart, type RouteTarget, type RoutingTableOptions } from './routing-table.ts';
