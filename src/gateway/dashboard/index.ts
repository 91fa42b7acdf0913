export { serveDashboard, type Dashboard } from './serve-dashboard.ts';
