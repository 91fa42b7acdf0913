import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type {
  TaskDelete as _containerd_events_TaskDelete,
  TaskDelete__Output as _containerd_events_TaskDelete__Output,
} from './containerd/events/TaskDelete.ts';
import type {
  TaskExit as _containerd_events_TaskExit,
  TaskExit__Output as _containerd_events_TaskExit__Output,
} from './containerd/events/TaskExit.ts';
import type {
  TaskOOM as _containerd_events_TaskOOM,
  TaskOOM__Output as _containerd_events_TaskOOM__Output,
} from './containerd/events/TaskOOM.ts';
import type {
  TaskStart as _containerd_events_TaskStart,
  TaskStart__Output as _containerd_events_TaskStart__Output,
} from './containerd/events/TaskStart.ts';
import type {
  Container as _containerd_services_containers_v1_Container,
  Container__Output as _containerd_services_containers_v1_Container__Output,
} from './containerd/services/containers/v1/Container.ts';
import type {
  ContainersClient as _containerd_services_containers_v1_ContainersClient,
  ContainersDefinition as _containerd_services_containers_v1_ContainersDefinition,
} from './containerd/services/containers/v1/Containers.ts';
import type {
  CreateContainerRequest as _containerd_services_containers_v1_CreateContainerRequest,
  CreateContainerRequest__Output as _containerd_services_containers_v1_CreateContainerRequest__Output,
} from './containerd/services/containers/v1/CreateContainerRequest.ts';
import type {
  CreateContainerResponse as _containerd_services_containers_v1_CreateContainerResponse,
  CreateContainerResponse__Output as _containerd_services_containers_v1_CreateContainerResponse__Output,
} from './containerd/services/containers/v1/CreateContainerResponse.ts';
import type {
  DeleteContainerRequest as _containerd_services_containers_v1_DeleteContainerRequest,
  DeleteContainerRequest__Output as _containerd_services_containers_v1_DeleteContainerRequest__Output,
} from './containerd/services/containers/v1/DeleteContainerRequest.ts';
import type {
  GetContainerRequest as _containerd_services_containers_v1_GetContainerRequest,
  GetContainerRequest__Output as _containerd_services_containers_v1_GetContainerRequest__Output,
} from './containerd/services/containers/v1/GetContainerRequest.ts';
import type {
  GetContainerResponse as _containerd_services_containers_v1_GetContainerResponse,
  GetContainerResponse__Output as _containerd_services_containers_v1_GetContainerResponse__Output,
} from './containerd/services/containers/v1/GetContainerResponse.ts';
import type {
  ListContainerMessage as _containerd_services_containers_v1_ListContainerMessage,
  ListContainerMessage__Output as _containerd_services_containers_v1_ListContainerMessage__Output,
} from './containerd/services/containers/v1/ListContainerMessage.ts';
import type {
  ListContainersRequest as _containerd_services_containers_v1_ListContainersRequest,
  ListContainersRequest__Output as _containerd_services_containers_v1_ListContainersRequest__Output,
} from './containerd/services/containers/v1/ListContainersRequest.ts';
import type {
  UpdateContainerRequest as _containerd_services_containers_v1_UpdateContainerRequest,
  UpdateContainerRequest__Output as _containerd_services_containers_v1_UpdateContainerRequest__Output,
} from './containerd/services/containers/v1/UpdateContainerRequest.ts';
import type {
  UpdateContainerResponse as _containerd_services_containers_v1_UpdateContainerResponse,
  UpdateContainerResponse__Output as _containerd_services_containers_v1_UpdateContainerResponse__Output,
} from './containerd/services/containers/v1/UpdateContainerResponse.ts';
import type {
  AbortRequest as _containerd_services_content_v1_AbortRequest,
  AbortRequest__Output as _containerd_services_content_v1_AbortRequest__Output,
} from './containerd/services/content/v1/AbortRequest.ts';
import type {
  ContentClient as _containerd_services_content_v1_ContentClient,
  ContentDefinition as _containerd_services_content_v1_ContentDefinition,
} from './containerd/services/content/v1/Content.ts';
import type {
  DeleteContentRequest as _containerd_services_content_v1_DeleteContentRequest,
  DeleteContentRequest__Output as _containerd_services_content_v1_DeleteContentRequest__Output,
} from './containerd/services/content/v1/DeleteContentRequest.ts';
import type {
  Info as _containerd_services_content_v1_Info,
  Info__Output as _containerd_services_content_v1_Info__Output,
} from './containerd/services/content/v1/Info.ts';
import type {
  InfoRequest as _containerd_services_content_v1_InfoRequest,
  InfoRequest__Output as _containerd_services_content_v1_InfoRequest__Output,
} from './containerd/services/content/v1/InfoRequest.ts';
import type {
  InfoResponse as _containerd_services_content_v1_InfoResponse,
  InfoResponse__Output as _containerd_services_content_v1_InfoResponse__Output,
} from './containerd/services/content/v1/InfoResponse.ts';
import type {
  ListContentRequest as _containerd_services_content_v1_ListContentRequest,
  ListContentRequest__Output as _containerd_services_content_v1_ListContentRequest__Output,
} from './containerd/services/content/v1/ListContentRequest.ts';
import type {
  ListContentResponse as _containerd_services_content_v1_ListContentResponse,
  ListContentResponse__Output as _containerd_services_content_v1_ListContentResponse__Output,
} from './containerd/services/content/v1/ListContentResponse.ts';
import type {
  ListStatusesRequest as _containerd_services_content_v1_ListStatusesRequest,
  ListStatusesRequest__Output as _containerd_services_content_v1_ListStatusesRequest__Output,
} from './containerd/services/content/v1/ListStatusesRequest.ts';
import type {
  ListStatusesResponse as _containerd_services_content_v1_ListStatusesResponse,
  ListStatusesResponse__Output as _containerd_services_content_v1_ListStatusesResponse__Output,
} from './containerd/services/content/v1/ListStatusesResponse.ts';
import type {
  ReadContentRequest as _containerd_services_content_v1_ReadContentRequest,
  ReadContentRequest__Output as _containerd_services_content_v1_ReadContentRequest__Output,
} from './containerd/services/content/v1/ReadContentRequest.ts';
import type {
  ReadContentResponse as _containerd_services_content_v1_ReadContentResponse,
  ReadContentResponse__Output as _containerd_services_content_v1_ReadContentResponse__Output,
} from './containerd/services/content/v1/ReadContentResponse.ts';
import type {
  Status as _containerd_services_content_v1_Status,
  Status__Output as _containerd_services_content_v1_Status__Output,
} from './containerd/services/content/v1/Status.ts';
import type {
  StatusRequest as _containerd_services_content_v1_StatusRequest,
  StatusRequest__Output as _containerd_services_content_v1_StatusRequest__Output,
} from './containerd/services/content/v1/StatusRequest.ts';
import type {
  StatusResponse as _containerd_services_content_v1_StatusResponse,
  StatusResponse__Output as _containerd_services_content_v1_StatusResponse__Output,
} from './containerd/services/content/v1/StatusResponse.ts';
import type {
  UpdateRequest as _containerd_services_content_v1_UpdateRequest,
  UpdateRequest__Output as _containerd_services_content_v1_UpdateRequest__Output,
} from './containerd/services/content/v1/UpdateRequest.ts';
import type {
  UpdateResponse as _containerd_services_content_v1_UpdateResponse,
  UpdateResponse__Output as _containerd_services_content_v1_UpdateResponse__Output,
} from './containerd/services/content/v1/UpdateResponse.ts';
import type {
  WriteContentRequest as _containerd_services_content_v1_WriteContentRequest,
  WriteContentRequest__Output as _containerd_services_content_v1_WriteContentRequest__Output,
} from './containerd/services/content/v1/WriteContentRequest.ts';
import type {
  WriteContentResponse as _containerd_services_content_v1_WriteContentResponse,
  WriteContentResponse__Output as _containerd_services_content_v1_WriteContentResponse__Output,
} from './containerd/services/content/v1/WriteContentResponse.ts';
import type {
  ApplyRequest as _containerd_services_diff_v1_ApplyRequest,
  ApplyRequest__Output as _containerd_services_diff_v1_ApplyRequest__Output,
} from './containerd/services/diff/v1/ApplyRequest.ts';
import type {
  ApplyResponse as _containerd_services_diff_v1_ApplyResponse,
  ApplyResponse__Output as _containerd_services_diff_v1_ApplyResponse__Output,
} from './containerd/services/diff/v1/ApplyResponse.ts';
import type {
  DiffClient as _containerd_services_diff_v1_DiffClient,
  DiffDefinition as _containerd_services_diff_v1_DiffDefinition,
} from './containerd/services/diff/v1/Diff.ts';
import type {
  EventsClient as _containerd_services_events_v1_EventsClient,
  EventsDefinition as _containerd_services_events_v1_EventsDefinition,
} from './containerd/services/events/v1/Events.ts';
import type {
  SubscribeRequest as _containerd_services_events_v1_SubscribeRequest,
  SubscribeRequest__Output as _containerd_services_events_v1_SubscribeRequest__Output,
} from './containerd/services/events/v1/SubscribeRequest.ts';
import type {
  CreateImageRequest as _containerd_services_images_v1_CreateImageRequest,
  CreateImageRequest__Output as _containerd_services_images_v1_CreateImageRequest__Output,
} from './containerd/services/images/v1/CreateImageRequest.ts';
import type {
  CreateImageResponse as _containerd_services_images_v1_CreateImageResponse,
  CreateImageResponse__Output as _containerd_services_images_v1_CreateImageResponse__Output,
} from './containerd/services/images/v1/CreateImageResponse.ts';
import type {
  DeleteImageRequest as _containerd_services_images_v1_DeleteImageRequest,
  DeleteImageRequest__Output as _containerd_services_images_v1_DeleteImageRequest__Output,
} from './containerd/services/images/v1/DeleteImageRequest.ts';
import type {
  GetImageRequest as _containerd_services_images_v1_GetImageRequest,
  GetImageRequest__Output as _containerd_services_images_v1_GetImageRequest__Output,
} from './containerd/services/images/v1/GetImageRequest.ts';
import type {
  GetImageResponse as _containerd_services_images_v1_GetImageResponse,
  GetImageResponse__Output as _containerd_services_images_v1_GetImageResponse__Output,
} from './containerd/services/images/v1/GetImageResponse.ts';
import type {
  Image as _containerd_services_images_v1_Image,
  Image__Output as _containerd_services_images_v1_Image__Output,
} from './containerd/services/images/v1/Image.ts';
import type {
  ImagesClient as _containerd_services_images_v1_ImagesClient,
  ImagesDefinition as _containerd_services_images_v1_ImagesDefinition,
} from './containerd/services/images/v1/Images.ts';
import type {
  ListImagesRequest as _containerd_services_images_v1_ListImagesRequest,
  ListImagesRequest__Output as _containerd_services_images_v1_ListImagesRequest__Output,
} from './containerd/services/images/v1/ListImagesRequest.ts';
import type {
  ListImagesResponse as _containerd_services_images_v1_ListImagesResponse,
  ListImagesResponse__Output as _containerd_services_images_v1_ListImagesResponse__Output,
} from './containerd/services/images/v1/ListImagesResponse.ts';
import type {
  UpdateImageRequest as _containerd_services_images_v1_UpdateImageRequest,
  UpdateImageRequest__Output as _containerd_services_images_v1_UpdateImageRequest__Output,
} from './containerd/services/images/v1/UpdateImageRequest.ts';
import type {
  UpdateImageResponse as _containerd_services_images_v1_UpdateImageResponse,
  UpdateImageResponse__Output as _containerd_services_images_v1_UpdateImageResponse__Output,
} from './containerd/services/images/v1/UpdateImageResponse.ts';
import type {
  IntrospectionClient as _containerd_services_introspection_v1_IntrospectionClient,
  IntrospectionDefinition as _containerd_services_introspection_v1_IntrospectionDefinition,
} from './containerd/services/introspection/v1/Introspection.ts';
import type {
  Plugin as _containerd_services_introspection_v1_Plugin,
  Plugin__Output as _containerd_services_introspection_v1_Plugin__Output,
} from './containerd/services/introspection/v1/Plugin.ts';
import type {
  PluginsRequest as _containerd_services_introspection_v1_PluginsRequest,
  PluginsRequest__Output as _containerd_services_introspection_v1_PluginsRequest__Output,
} from './containerd/services/introspection/v1/PluginsRequest.ts';
import type {
  PluginsResponse as _containerd_services_introspection_v1_PluginsResponse,
  PluginsResponse__Output as _containerd_services_introspection_v1_PluginsResponse__Output,
} from './containerd/services/introspection/v1/PluginsResponse.ts';
import type {
  Status as _containerd_services_introspection_v1_Status,
  Status__Output as _containerd_services_introspection_v1_Status__Output,
} from './containerd/services/introspection/v1/Status.ts';
import type {
  AddResourceRequest as _containerd_services_leases_v1_AddResourceRequest,
  AddResourceRequest__Output as _containerd_services_leases_v1_AddResourceRequest__Output,
} from './containerd/services/leases/v1/AddResourceRequest.ts';
import type {
  CreateRequest as _containerd_services_leases_v1_CreateRequest,
  CreateRequest__Output as _containerd_services_leases_v1_CreateRequest__Output,
} from './containerd/services/leases/v1/CreateRequest.ts';
import type {
  CreateResponse as _containerd_services_leases_v1_CreateResponse,
  CreateResponse__Output as _containerd_services_leases_v1_CreateResponse__Output,
} from './containerd/services/leases/v1/CreateResponse.ts';
import type {
  DeleteRequest as _containerd_services_leases_v1_DeleteRequest,
  DeleteRequest__Output as _containerd_services_leases_v1_DeleteRequest__Output,
} from './containerd/services/leases/v1/DeleteRequest.ts';
import type {
  DeleteResourceRequest as _containerd_services_leases_v1_DeleteResourceRequest,
  DeleteResourceRequest__Output as _containerd_services_leases_v1_DeleteResourceRequest__Output,
} from './containerd/services/leases/v1/DeleteResourceRequest.ts';
import type {
  Lease as _containerd_services_leases_v1_Lease,
  Lease__Output as _containerd_services_leases_v1_Lease__Output,
} from './containerd/services/leases/v1/Lease.ts';
import type {
  LeasesClient as _containerd_services_leases_v1_LeasesClient,
  LeasesDefinition as _containerd_services_leases_v1_LeasesDefinition,
} from './containerd/services/leases/v1/Leases.ts';
import type {
  ListRequest as _containerd_services_leases_v1_ListRequest,
  ListRequest__Output as _containerd_services_leases_v1_ListRequest__Output,
} from './containerd/services/leases/v1/ListRequest.ts';
import type {
  ListResourcesRequest as _containerd_services_leases_v1_ListResourcesRequest,
  ListResourcesRequest__Output as _containerd_services_leases_v1_ListResourcesRequest__Output,
} from './containerd/services/leases/v1/ListResourcesRequest.ts';
import type {
  ListResourcesResponse as _containerd_services_leases_v1_ListResourcesResponse,
  ListResourcesResponse__Output as _containerd_services_leases_v1_ListResourcesResponse__Output,
} from './containerd/services/leases/v1/ListResourcesResponse.ts';
import type {
  ListResponse as _containerd_services_leases_v1_ListResponse,
  ListResponse__Output as _containerd_services_leases_v1_ListResponse__Output,
} from './containerd/services/leases/v1/ListResponse.ts';
import type {
  Resource as _containerd_services_leases_v1_Resource,
  Resource__Output as _containerd_services_leases_v1_Resource__Output,
} from './containerd/services/leases/v1/Resource.ts';
import type {
  CreateNamespaceRequest as _containerd_services_namespaces_v1_CreateNamespaceRequest,
  CreateNamespaceRequest__Output as _containerd_services_namespaces_v1_CreateNamespaceRequest__Output,
} from './containerd/services/namespaces/v1/CreateNamespaceRequest.ts';
import type {
  CreateNamespaceResponse as _containerd_services_namespaces_v1_CreateNamespaceResponse,
  CreateNamespaceResponse__Output as _containerd_services_namespaces_v1_CreateNamespaceResponse__Output,
} from './containerd/services/namespaces/v1/CreateNamespaceResponse.ts';
import type {
  DeleteNamespaceRequest as _containerd_services_namespaces_v1_DeleteNamespaceRequest,
  DeleteNamespaceRequest__Output as _containerd_services_namespaces_v1_DeleteNamespaceRequest__Output,
} from './containerd/services/namespaces/v1/DeleteNamespaceRequest.ts';
import type {
  ListNamespacesRequest as _containerd_services_namespaces_v1_ListNamespacesRequest,
  ListNamespacesRequest__Output as _containerd_services_namespaces_v1_ListNamespacesRequest__Output,
} from './containerd/services/namespaces/v1/ListNamespacesRequest.ts';
import type {
  ListNamespacesResponse as _containerd_services_namespaces_v1_ListNamespacesResponse,
  ListNamespacesResponse__Output as _containerd_services_namespaces_v1_ListNamespacesResponse__Output,
} from './containerd/services/namespaces/v1/ListNamespacesResponse.ts';
import type {
  Namespace as _containerd_services_namespaces_v1_Namespace,
  Namespace__Output as _containerd_services_namespaces_v1_Namespace__Output,
} from './containerd/services/namespaces/v1/Namespace.ts';
import type {
  NamespacesClient as _containerd_services_namespaces_v1_NamespacesClient,
  NamespacesDefinition as _containerd_services_namespaces_v1_NamespacesDefinition,
} from './containerd/services/namespaces/v1/Namespaces.ts';
import type {
  UpdateNamespaceRequest as _containerd_services_namespaces_v1_UpdateNamespaceRequest,
  UpdateNamespaceRequest__Output as _containerd_services_namespaces_v1_UpdateNamespaceRequest__Output,
} from './containerd/services/namespaces/v1/UpdateNamespaceRequest.ts';
import type {
  UpdateNamespaceResponse as _containerd_services_namespaces_v1_UpdateNamespaceResponse,
  UpdateNamespaceResponse__Output as _containerd_services_namespaces_v1_UpdateNamespaceResponse__Output,
} from './containerd/services/namespaces/v1/UpdateNamespaceResponse.ts';
import type {
  CommitSnapshotRequest as _containerd_services_snapshots_v1_CommitSnapshotRequest,
  CommitSnapshotRequest__Output as _containerd_services_snapshots_v1_CommitSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/CommitSnapshotRequest.ts';
import type {
  Info as _containerd_services_snapshots_v1_Info,
  Info__Output as _containerd_services_snapshots_v1_Info__Output,
} from './containerd/services/snapshots/v1/Info.ts';
import type {
  ListSnapshotsRequest as _containerd_services_snapshots_v1_ListSnapshotsRequest,
  ListSnapshotsRequest__Output as _containerd_services_snapshots_v1_ListSnapshotsRequest__Output,
} from './containerd/services/snapshots/v1/ListSnapshotsRequest.ts';
import type {
  ListSnapshotsResponse as _containerd_services_snapshots_v1_ListSnapshotsResponse,
  ListSnapshotsResponse__Output as _containerd_services_snapshots_v1_ListSnapshotsResponse__Output,
} from './containerd/services/snapshots/v1/ListSnapshotsResponse.ts';
import type {
  MountsRequest as _containerd_services_snapshots_v1_MountsRequest,
  MountsRequest__Output as _containerd_services_snapshots_v1_MountsRequest__Output,
} from './containerd/services/snapshots/v1/MountsRequest.ts';
import type {
  MountsResponse as _containerd_services_snapshots_v1_MountsResponse,
  MountsResponse__Output as _containerd_services_snapshots_v1_MountsResponse__Output,
} from './containerd/services/snapshots/v1/MountsResponse.ts';
import type {
  PrepareSnapshotRequest as _containerd_services_snapshots_v1_PrepareSnapshotRequest,
  PrepareSnapshotRequest__Output as _containerd_services_snapshots_v1_PrepareSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/PrepareSnapshotRequest.ts';
import type {
  PrepareSnapshotResponse as _containerd_services_snapshots_v1_PrepareSnapshotResponse,
  PrepareSnapshotResponse__Output as _containerd_services_snapshots_v1_PrepareSnapshotResponse__Output,
} from './containerd/services/snapshots/v1/PrepareSnapshotResponse.ts';
import type {
  RemoveSnapshotRequest as _containerd_services_snapshots_v1_RemoveSnapshotRequest,
  RemoveSnapshotRequest__Output as _containerd_services_snapshots_v1_RemoveSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/RemoveSnapshotRequest.ts';
import type {
  SnapshotsClient as _containerd_services_snapshots_v1_SnapshotsClient,
  SnapshotsDefinition as _containerd_services_snapshots_v1_SnapshotsDefinition,
} from './containerd/services/snapshots/v1/Snapshots.ts';
import type {
  StatSnapshotRequest as _containerd_services_snapshots_v1_StatSnapshotRequest,
  StatSnapshotRequest__Output as _containerd_services_snapshots_v1_StatSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/StatSnapshotRequest.ts';
import type {
  StatSnapshotResponse as _containerd_services_snapshots_v1_StatSnapshotResponse,
  StatSnapshotResponse__Output as _containerd_services_snapshots_v1_StatSnapshotResponse__Output,
} from './containerd/services/snapshots/v1/StatSnapshotResponse.ts';
import type {
  UpdateSnapshotRequest as _containerd_services_snapshots_v1_UpdateSnapshotRequest,
  UpdateSnapshotRequest__Output as _containerd_services_snapshots_v1_UpdateSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/UpdateSnapshotRequest.ts';
import type {
  UpdateSnapshotResponse as _containerd_services_snapshots_v1_UpdateSnapshotResponse,
  UpdateSnapshotResponse__Output as _containerd_services_snapshots_v1_UpdateSnapshotResponse__Output,
} from './containerd/services/snapshots/v1/UpdateSnapshotResponse.ts';
import type {
  UsageRequest as _containerd_services_snapshots_v1_UsageRequest,
  UsageRequest__Output as _containerd_services_snapshots_v1_UsageRequest__Output,
} from './containerd/services/snapshots/v1/UsageRequest.ts';
import type {
  UsageResponse as _containerd_services_snapshots_v1_UsageResponse,
  UsageResponse__Output as _containerd_services_snapshots_v1_UsageResponse__Output,
} from './containerd/services/snapshots/v1/UsageResponse.ts';
import type {
  ViewSnapshotRequest as _containerd_services_snapshots_v1_ViewSnapshotRequest,
  ViewSnapshotRequest__Output as _containerd_services_snapshots_v1_ViewSnapshotRequest__Output,
} from './containerd/services/snapshots/v1/ViewSnapshotRequest.ts';
import type {
  ViewSnapshotResponse as _containerd_services_snapshots_v1_ViewSnapshotResponse,
  ViewSnapshotResponse__Output as _containerd_services_snapshots_v1_ViewSnapshotResponse__Output,
} from './containerd/services/snapshots/v1/ViewSnapshotResponse.ts';
import type {
  CloseIORequest as _containerd_services_tasks_v1_CloseIORequest,
  CloseIORequest__Output as _containerd_services_tasks_v1_CloseIORequest__Output,
} from './containerd/services/tasks/v1/CloseIORequest.ts';
import type {
  CreateTaskRequest as _containerd_services_tasks_v1_CreateTaskRequest,
  CreateTaskRequest__Output as _containerd_services_tasks_v1_CreateTaskRequest__Output,
} from './containerd/services/tasks/v1/CreateTaskRequest.ts';
import type {
  CreateTaskResponse as _containerd_services_tasks_v1_CreateTaskResponse,
  CreateTaskResponse__Output as _containerd_services_tasks_v1_CreateTaskResponse__Output,
} from './containerd/services/tasks/v1/CreateTaskResponse.ts';
import type {
  DeleteProcessRequest as _containerd_services_tasks_v1_DeleteProcessRequest,
  DeleteProcessRequest__Output as _containerd_services_tasks_v1_DeleteProcessRequest__Output,
} from './containerd/services/tasks/v1/DeleteProcessRequest.ts';
import type {
  DeleteResponse as _containerd_services_tasks_v1_DeleteResponse,
  DeleteResponse__Output as _containerd_services_tasks_v1_DeleteResponse__Output,
} from './containerd/services/tasks/v1/DeleteResponse.ts';
import type {
  DeleteTaskRequest as _containerd_services_tasks_v1_DeleteTaskRequest,
  DeleteTaskRequest__Output as _containerd_services_tasks_v1_DeleteTaskRequest__Output,
} from './containerd/services/tasks/v1/DeleteTaskRequest.ts';
import type {
  ExecProcessRequest as _containerd_services_tasks_v1_ExecProcessRequest,
  ExecProcessRequest__Output as _containerd_services_tasks_v1_ExecProcessRequest__Output,
} from './containerd/services/tasks/v1/ExecProcessRequest.ts';
import type {
  GetRequest as _containerd_services_tasks_v1_GetRequest,
  GetRequest__Output as _containerd_services_tasks_v1_GetRequest__Output,
} from './containerd/services/tasks/v1/GetRequest.ts';
import type {
  GetResponse as _containerd_services_tasks_v1_GetResponse,
  GetResponse__Output as _containerd_services_tasks_v1_GetResponse__Output,
} from './containerd/services/tasks/v1/GetResponse.ts';
import type {
  KillRequest as _containerd_services_tasks_v1_KillRequest,
  KillRequest__Output as _containerd_services_tasks_v1_KillRequest__Output,
} from './containerd/services/tasks/v1/KillRequest.ts';
import type {
  ListPidsRequest as _containerd_services_tasks_v1_ListPidsRequest,
  ListPidsRequest__Output as _containerd_services_tasks_v1_ListPidsRequest__Output,
} from './containerd/services/tasks/v1/ListPidsRequest.ts';
import type {
  ListPidsResponse as _containerd_services_tasks_v1_ListPidsResponse,
  ListPidsResponse__Output as _containerd_services_tasks_v1_ListPidsResponse__Output,
} from './containerd/services/tasks/v1/ListPidsResponse.ts';
import type {
  ListTasksRequest as _containerd_services_tasks_v1_ListTasksRequest,
  ListTasksRequest__Output as _containerd_services_tasks_v1_ListTasksRequest__Output,
} from './containerd/services/tasks/v1/ListTasksRequest.ts';
import type {
  ListTasksResponse as _containerd_services_tasks_v1_ListTasksResponse,
  ListTasksResponse__Output as _containerd_services_tasks_v1_ListTasksResponse__Output,
} from './containerd/services/tasks/v1/ListTasksResponse.ts';
import type {
  MetricsRequest as _containerd_services_tasks_v1_MetricsRequest,
  MetricsRequest__Output as _containerd_services_tasks_v1_MetricsRequest__Output,
} from './containerd/services/tasks/v1/MetricsRequest.ts';
import type {
  MetricsResponse as _containerd_services_tasks_v1_MetricsResponse,
  MetricsResponse__Output as _containerd_services_tasks_v1_MetricsResponse__Output,
} from './containerd/services/tasks/v1/MetricsResponse.ts';
import type {
  PauseTaskRequest as _containerd_services_tasks_v1_PauseTaskRequest,
  PauseTaskRequest__Output as _containerd_services_tasks_v1_PauseTaskRequest__Output,
} from './containerd/services/tasks/v1/PauseTaskRequest.ts';
import type {
  ResizePtyRequest as _containerd_services_tasks_v1_ResizePtyRequest,
  ResizePtyRequest__Output as _containerd_services_tasks_v1_ResizePtyRequest__Output,
} from './containerd/services/tasks/v1/ResizePtyRequest.ts';
import type {
  ResumeTaskRequest as _containerd_services_tasks_v1_ResumeTaskRequest,
  ResumeTaskRequest__Output as _containerd_services_tasks_v1_ResumeTaskRequest__Output,
} from './containerd/services/tasks/v1/ResumeTaskRequest.ts';
import type {
  StartRequest as _containerd_services_tasks_v1_StartRequest,
  StartRequest__Output as _containerd_services_tasks_v1_StartRequest__Output,
} from './containerd/services/tasks/v1/StartRequest.ts';
import type {
  StartResponse as _containerd_services_tasks_v1_StartResponse,
  StartResponse__Output as _containerd_services_tasks_v1_StartResponse__Output,
} from './containerd/services/tasks/v1/StartResponse.ts';
import type {
  TasksClient as _containerd_services_tasks_v1_TasksClient,
  TasksDefinition as _containerd_services_tasks_v1_TasksDefinition,
} from './containerd/services/tasks/v1/Tasks.ts';
import type {
  UpdateTaskRequest as _containerd_services_tasks_v1_UpdateTaskRequest,
  UpdateTaskRequest__Output as _containerd_services_tasks_v1_UpdateTaskRequest__Output,
} from './containerd/services/tasks/v1/UpdateTaskRequest.ts';
import type {
  WaitRequest as _containerd_services_tasks_v1_WaitRequest,
  WaitRequest__Output as _containerd_services_tasks_v1_WaitRequest__Output,
} from './containerd/services/tasks/v1/WaitRequest.ts';
import type {
  WaitResponse as _containerd_services_tasks_v1_WaitResponse,
  WaitResponse__Output as _containerd_services_tasks_v1_WaitResponse__Output,
} from './containerd/services/tasks/v1/WaitResponse.ts';
import type {
  VersionClient as _containerd_services_version_v1_VersionClient,
  VersionDefinition as _containerd_services_version_v1_VersionDefinition,
} from './containerd/services/version/v1/Version.ts';
import type {
  VersionResponse as _containerd_services_version_v1_VersionResponse,
  VersionResponse__Output as _containerd_services_version_v1_VersionResponse__Output,
} from './containerd/services/version/v1/VersionResponse.ts';
import type {
  Descriptor as _containerd_types_Descriptor,
  Descriptor__Output as _containerd_types_Descriptor__Output,
} from './containerd/types/Descriptor.ts';
import type {
  Envelope as _containerd_types_Envelope,
  Envelope__Output as _containerd_types_Envelope__Output,
} from './containerd/types/Envelope.ts';
import type {
  Metric as _containerd_types_Metric,
  Metric__Output as _containerd_types_Metric__Output,
} from './containerd/types/Metric.ts';
import type {
  Mount as _containerd_types_Mount,
  Mount__Output as _containerd_types_Mount__Output,
} from './containerd/types/Mount.ts';
import type {
  Platform as _containerd_types_Platform,
  Platform__Output as _containerd_types_Platform__Output,
} from './containerd/types/Platform.ts';
import type {
  Process as _containerd_v1_types_Process,
  Process__Output as _containerd_v1_types_Process__Output,
} from './containerd/v1/types/Process.ts';
import type {
  ProcessInfo as _containerd_v1_types_ProcessInfo,
  ProcessInfo__Output as _containerd_v1_types_ProcessInfo__Output,
} from './containerd/v1/types/ProcessInfo.ts';
import type {
  Any as _google_protobuf_Any,
  Any__Output as _google_protobuf_Any__Output,
} from './google/protobuf/Any.ts';
import type {
  Empty as _google_protobuf_Empty,
  Empty__Output as _google_protobuf_Empty__Output,
} from './google/protobuf/Empty.ts';
import type {
  FieldMask as _google_protobuf_FieldMask,
  FieldMask__Output as _google_protobuf_FieldMask__Output,
} from './google/protobuf/FieldMask.ts';
import type {
  Timestamp as _google_protobuf_Timestamp,
  Timestamp__Output as _google_protobuf_Timestamp__Output,
} from './google/protobuf/Timestamp.ts';
import type {
  CPUStat as _io_containerd_cgroups_v1_CPUStat,
  CPUStat__Output as _io_containerd_cgroups_v1_CPUStat__Output,
} from './io/containerd/cgroups/v1/CPUStat.ts';
import type {
  CPUUsage as _io_containerd_cgroups_v1_CPUUsage,
  CPUUsage__Output as _io_containerd_cgroups_v1_CPUUsage__Output,
} from './io/containerd/cgroups/v1/CPUUsage.ts';
import type {
  MemoryEntry as _io_containerd_cgroups_v1_MemoryEntry,
  MemoryEntry__Output as _io_containerd_cgroups_v1_MemoryEntry__Output,
} from './io/containerd/cgroups/v1/MemoryEntry.ts';
import type {
  MemoryOomControl as _io_containerd_cgroups_v1_MemoryOomControl,
  MemoryOomControl__Output as _io_containerd_cgroups_v1_MemoryOomControl__Output,
} from './io/containerd/cgroups/v1/MemoryOomControl.ts';
import type {
  MemoryStat as _io_containerd_cgroups_v1_MemoryStat,
  MemoryStat__Output as _io_containerd_cgroups_v1_MemoryStat__Output,
} from './io/containerd/cgroups/v1/MemoryStat.ts';
import type {
  Metrics as _io_containerd_cgroups_v1_Metrics,
  Metrics__Output as _io_containerd_cgroups_v1_Metrics__Output,
} from './io/containerd/cgroups/v1/Metrics.ts';
import type {
  PidsStat as _io_containerd_cgroups_v1_PidsStat,
  PidsStat__Output as _io_containerd_cgroups_v1_PidsStat__Output,
} from './io/containerd/cgroups/v1/PidsStat.ts';
import type {
  Throttle as _io_containerd_cgroups_v1_Throttle,
  Throttle__Output as _io_containerd_cgroups_v1_Throttle__Output,
} from './io/containerd/cgroups/v1/Throttle.ts';
import type {
  CPUStat as _io_containerd_cgroups_v2_CPUStat,
  CPUStat__Output as _io_containerd_cgroups_v2_CPUStat__Output,
} from './io/containerd/cgroups/v2/CPUStat.ts';
import type {
  MemoryEvents as _io_containerd_cgroups_v2_MemoryEvents,
  MemoryEvents__Output as _io_containerd_cgroups_v2_MemoryEvents__Output,
} from './io/containerd/cgroups/v2/MemoryEvents.ts';
import type {
  MemoryStat as _io_containerd_cgroups_v2_MemoryStat,
  MemoryStat__Output as _io_containerd_cgroups_v2_MemoryStat__Output,
} from './io/containerd/cgroups/v2/MemoryStat.ts';
import type {
  Metrics as _io_containerd_cgroups_v2_Metrics,
  Metrics__Output as _io_containerd_cgroups_v2_Metrics__Output,
} from './io/containerd/cgroups/v2/Metrics.ts';
import type {
  PidsStat as _io_containerd_cgroups_v2_PidsStat,
  PidsStat__Output as _io_containerd_cgroups_v2_PidsStat__Output,
} from './io/containerd/cgroups/v2/PidsStat.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new (...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  containerd: {
    events: {
      TaskDelete: MessageTypeDefinition<_containerd_events_TaskDelete, _containerd_events_TaskDelete__Output>;
      TaskExit: MessageTypeDefinition<_containerd_events_TaskExit, _containerd_events_TaskExit__Output>;
      TaskOOM: MessageTypeDefinition<_containerd_events_TaskOOM, _containerd_events_TaskOOM__Output>;
      TaskStart: MessageTypeDefinition<_containerd_events_TaskStart, _containerd_events_TaskStart__Output>;
    };
    services: {
      containers: {
        v1: {
          Container: MessageTypeDefinition<
            _containerd_services_containers_v1_Container,
            _containerd_services_containers_v1_Container__Output
          >;
          Containers: SubtypeConstructor<typeof grpc.Client, _containerd_services_containers_v1_ContainersClient> & {
            service: _containerd_services_containers_v1_ContainersDefinition;
          };
          CreateContainerRequest: MessageTypeDefinition<
            _containerd_services_containers_v1_CreateContainerRequest,
            _containerd_services_containers_v1_CreateContainerRequest__Output
          >;
          CreateContainerResponse: MessageTypeDefinition<
            _containerd_services_containers_v1_CreateContainerResponse,
            _containerd_services_containers_v1_CreateContainerResponse__Output
          >;
          DeleteContainerRequest: MessageTypeDefinition<
            _containerd_services_containers_v1_DeleteContainerRequest,
            _containerd_services_containers_v1_DeleteContainerRequest__Output
          >;
          GetContainerRequest: MessageTypeDefinition<
            _containerd_services_containers_v1_GetContainerRequest,
            _containerd_services_containers_v1_GetContainerRequest__Output
          >;
          GetContainerResponse: MessageTypeDefinition<
            _containerd_services_containers_v1_GetContainerResponse,
            _containerd_services_containers_v1_GetContainerResponse__Output
          >;
          ListContainerMessage: MessageTypeDefinition<
            _containerd_services_containers_v1_ListContainerMessage,
            _containerd_services_containers_v1_ListContainerMessage__Output
          >;
          ListContainersRequest: MessageTypeDefinition<
            _containerd_services_containers_v1_ListContainersRequest,
            _containerd_services_containers_v1_ListContainersRequest__Output
          >;
          UpdateContainerRequest: MessageTypeDefinition<
            _containerd_services_containers_v1_UpdateContainerRequest,
            _containerd_services_containers_v1_UpdateContainerRequest__Output
          >;
          UpdateContainerResponse: MessageTypeDefinition<
            _containerd_services_containers_v1_UpdateContainerResponse,
            _containerd_services_containers_v1_UpdateContainerResponse__Output
          >;
        };
      };
      content: {
        v1: {
          AbortRequest: MessageTypeDefinition<
            _containerd_services_content_v1_AbortRequest,
            _containerd_services_content_v1_AbortRequest__Output
          >;
          Content: SubtypeConstructor<typeof grpc.Client, _containerd_services_content_v1_ContentClient> & {
            service: _containerd_services_content_v1_ContentDefinition;
          };
          DeleteContentRequest: MessageTypeDefinition<
            _containerd_services_content_v1_DeleteContentRequest,
            _containerd_services_content_v1_DeleteContentRequest__Output
          >;
          Info: MessageTypeDefinition<
            _containerd_services_content_v1_Info,
            _containerd_services_content_v1_Info__Output
          >;
          InfoRequest: MessageTypeDefinition<
            _containerd_services_content_v1_InfoRequest,
            _containerd_services_content_v1_InfoRequest__Output
          >;
          InfoResponse: MessageTypeDefinition<
            _containerd_services_content_v1_InfoResponse,
            _containerd_services_content_v1_InfoResponse__Output
          >;
          ListContentRequest: MessageTypeDefinition<
            _containerd_services_content_v1_ListContentRequest,
            _containerd_services_content_v1_ListContentRequest__Output
          >;
          ListContentResponse: MessageTypeDefinition<
            _containerd_services_content_v1_ListContentResponse,
            _containerd_services_content_v1_ListContentResponse__Output
          >;
          ListStatusesRequest: MessageTypeDefinition<
            _containerd_services_content_v1_ListStatusesRequest,
            _containerd_services_content_v1_ListStatusesRequest__Output
          >;
          ListStatusesResponse: MessageTypeDefinition<
            _containerd_services_content_v1_ListStatusesResponse,
            _containerd_services_content_v1_ListStatusesResponse__Output
          >;
          ReadContentRequest: MessageTypeDefinition<
            _containerd_services_content_v1_ReadContentRequest,
            _containerd_services_content_v1_ReadContentRequest__Output
          >;
          ReadContentResponse: MessageTypeDefinition<
            _containerd_services_content_v1_ReadContentResponse,
            _containerd_services_content_v1_ReadContentResponse__Output
          >;
          Status: MessageTypeDefinition<
            _containerd_services_content_v1_Status,
            _containerd_services_content_v1_Status__Output
          >;
          StatusRequest: MessageTypeDefinition<
            _containerd_services_content_v1_StatusRequest,
            _containerd_services_content_v1_StatusRequest__Output
          >;
          StatusResponse: MessageTypeDefinition<
            _containerd_services_content_v1_StatusResponse,
            _containerd_services_content_v1_StatusResponse__Output
          >;
          UpdateRequest: MessageTypeDefinition<
            _containerd_services_content_v1_UpdateRequest,
            _containerd_services_content_v1_UpdateRequest__Output
          >;
          UpdateResponse: MessageTypeDefinition<
            _containerd_services_content_v1_UpdateResponse,
            _containerd_services_content_v1_UpdateResponse__Output
          >;
          WriteAction: EnumTypeDefinition;
          WriteContentRequest: MessageTypeDefinition<
            _containerd_services_content_v1_WriteContentRequest,
            _containerd_services_content_v1_WriteContentRequest__Output
          >;
          WriteContentResponse: MessageTypeDefinition<
            _containerd_services_content_v1_WriteContentResponse,
            _containerd_services_content_v1_WriteContentResponse__Output
          >;
        };
      };
      diff: {
        v1: {
          ApplyRequest: MessageTypeDefinition<
            _containerd_services_diff_v1_ApplyRequest,
            _containerd_services_diff_v1_ApplyRequest__Output
          >;
          ApplyResponse: MessageTypeDefinition<
            _containerd_services_diff_v1_ApplyResponse,
            _containerd_services_diff_v1_ApplyResponse__Output
          >;
          Diff: SubtypeConstructor<typeof grpc.Client, _containerd_services_diff_v1_DiffClient> & {
            service: _containerd_services_diff_v1_DiffDefinition;
          };
        };
      };
      events: {
        v1: {
          Events: SubtypeConstructor<typeof grpc.Client, _containerd_services_events_v1_EventsClient> & {
            service: _containerd_services_events_v1_EventsDefinition;
          };
          SubscribeRequest: MessageTypeDefinition<
            _containerd_services_events_v1_SubscribeRequest,
            _containerd_services_events_v1_SubscribeRequest__Output
          >;
        };
      };
      images: {
        v1: {
          CreateImageRequest: MessageTypeDefinition<
            _containerd_services_images_v1_CreateImageRequest,
            _containerd_services_images_v1_CreateImageRequest__Output
          >;
          CreateImageResponse: MessageTypeDefinition<
            _containerd_services_images_v1_CreateImageResponse,
            _containerd_services_images_v1_CreateImageResponse__Output
          >;
          DeleteImageRequest: MessageTypeDefinition<
            _containerd_services_images_v1_DeleteImageRequest,
            _containerd_services_images_v1_DeleteImageRequest__Output
          >;
          GetImageRequest: MessageTypeDefinition<
            _containerd_services_images_v1_GetImageRequest,
            _containerd_services_images_v1_GetImageRequest__Output
          >;
          GetImageResponse: MessageTypeDefinition<
            _containerd_services_images_v1_GetImageResponse,
            _containerd_services_images_v1_GetImageResponse__Output
          >;
          Image: MessageTypeDefinition<
            _containerd_services_images_v1_Image,
            _containerd_services_images_v1_Image__Output
          >;
          Images: SubtypeConstructor<typeof grpc.Client, _containerd_services_images_v1_ImagesClient> & {
            service: _containerd_services_images_v1_ImagesDefinition;
          };
          ListImagesRequest: MessageTypeDefinition<
            _containerd_services_images_v1_ListImagesRequest,
            _containerd_services_images_v1_ListImagesRequest__Output
          >;
          ListImagesResponse: MessageTypeDefinition<
            _containerd_services_images_v1_ListImagesResponse,
            _containerd_services_images_v1_ListImagesResponse__Output
          >;
          UpdateImageRequest: MessageTypeDefinition<
            _containerd_services_images_v1_UpdateImageRequest,
            _containerd_services_images_v1_UpdateImageRequest__Output
          >;
          UpdateImageResponse: MessageTypeDefinition<
            _containerd_services_images_v1_UpdateImageResponse,
            _containerd_services_images_v1_UpdateImageResponse__Output
          >;
        };
      };
      introspection: {
        v1: {
          Introspection: SubtypeConstructor<
            typeof grpc.Client,
            _containerd_services_introspection_v1_IntrospectionClient
          > & { service: _containerd_services_introspection_v1_IntrospectionDefinition };
          Plugin: MessageTypeDefinition<
            _containerd_services_introspection_v1_Plugin,
            _containerd_services_introspection_v1_Plugin__Output
          >;
          PluginsRequest: MessageTypeDefinition<
            _containerd_services_introspection_v1_PluginsRequest,
            _containerd_services_introspection_v1_PluginsRequest__Output
          >;
          PluginsResponse: MessageTypeDefinition<
            _containerd_services_introspection_v1_PluginsResponse,
            _containerd_services_introspection_v1_PluginsResponse__Output
          >;
          Status: MessageTypeDefinition<
            _containerd_services_introspection_v1_Status,
            _containerd_services_introspection_v1_Status__Output
          >;
        };
      };
      leases: {
        v1: {
          AddResourceRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_AddResourceRequest,
            _containerd_services_leases_v1_AddResourceRequest__Output
          >;
          CreateRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_CreateRequest,
            _containerd_services_leases_v1_CreateRequest__Output
          >;
          CreateResponse: MessageTypeDefinition<
            _containerd_services_leases_v1_CreateResponse,
            _containerd_services_leases_v1_CreateResponse__Output
          >;
          DeleteRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_DeleteRequest,
            _containerd_services_leases_v1_DeleteRequest__Output
          >;
          DeleteResourceRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_DeleteResourceRequest,
            _containerd_services_leases_v1_DeleteResourceRequest__Output
          >;
          Lease: MessageTypeDefinition<
            _containerd_services_leases_v1_Lease,
            _containerd_services_leases_v1_Lease__Output
          >;
          Leases: SubtypeConstructor<typeof grpc.Client, _containerd_services_leases_v1_LeasesClient> & {
            service: _containerd_services_leases_v1_LeasesDefinition;
          };
          ListRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_ListRequest,
            _containerd_services_leases_v1_ListRequest__Output
          >;
          ListResourcesRequest: MessageTypeDefinition<
            _containerd_services_leases_v1_ListResourcesRequest,
            _containerd_services_leases_v1_ListResourcesRequest__Output
          >;
          ListResourcesResponse: MessageTypeDefinition<
            _containerd_services_leases_v1_ListResourcesResponse,
            _containerd_services_leases_v1_ListResourcesResponse__Output
          >;
          ListResponse: MessageTypeDefinition<
            _containerd_services_leases_v1_ListResponse,
            _containerd_services_leases_v1_ListResponse__Output
          >;
          Resource: MessageTypeDefinition<
            _containerd_services_leases_v1_Resource,
            _containerd_services_leases_v1_Resource__Output
          >;
        };
      };
      namespaces: {
        v1: {
          CreateNamespaceRequest: MessageTypeDefinition<
            _containerd_services_namespaces_v1_CreateNamespaceRequest,
            _containerd_services_namespaces_v1_CreateNamespaceRequest__Output
          >;
          CreateNamespaceResponse: MessageTypeDefinition<
            _containerd_services_namespaces_v1_CreateNamespaceResponse,
            _containerd_services_namespaces_v1_CreateNamespaceResponse__Output
          >;
          DeleteNamespaceRequest: MessageTypeDefinition<
            _containerd_services_namespaces_v1_DeleteNamespaceRequest,
            _containerd_services_namespaces_v1_DeleteNamespaceRequest__Output
          >;
          ListNamespacesRequest: MessageTypeDefinition<
            _containerd_services_namespaces_v1_ListNamespacesRequest,
            _containerd_services_namespaces_v1_ListNamespacesRequest__Output
          >;
          ListNamespacesResponse: MessageTypeDefinition<
            _containerd_services_namespaces_v1_ListNamespacesResponse,
            _containerd_services_namespaces_v1_ListNamespacesResponse__Output
          >;
          Namespace: MessageTypeDefinition<
            _containerd_services_namespaces_v1_Namespace,
            _containerd_services_namespaces_v1_Namespace__Output
          >;
          /**
           * Get is left out: it answers for a namespace that does not exist.
           */
          Namespaces: SubtypeConstructor<typeof grpc.Client, _containerd_services_namespaces_v1_NamespacesClient> & {
            service: _containerd_services_namespaces_v1_NamespacesDefinition;
          };
          UpdateNamespaceRequest: MessageTypeDefinition<
            _containerd_services_namespaces_v1_UpdateNamespaceRequest,
            _containerd_services_namespaces_v1_UpdateNamespaceRequest__Output
          >;
          UpdateNamespaceResponse: MessageTypeDefinition<
            _containerd_services_namespaces_v1_UpdateNamespaceResponse,
            _containerd_services_namespaces_v1_UpdateNamespaceResponse__Output
          >;
        };
      };
      snapshots: {
        v1: {
          CommitSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_CommitSnapshotRequest,
            _containerd_services_snapshots_v1_CommitSnapshotRequest__Output
          >;
          Info: MessageTypeDefinition<
            _containerd_services_snapshots_v1_Info,
            _containerd_services_snapshots_v1_Info__Output
          >;
          Kind: EnumTypeDefinition;
          ListSnapshotsRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_ListSnapshotsRequest,
            _containerd_services_snapshots_v1_ListSnapshotsRequest__Output
          >;
          ListSnapshotsResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_ListSnapshotsResponse,
            _containerd_services_snapshots_v1_ListSnapshotsResponse__Output
          >;
          MountsRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_MountsRequest,
            _containerd_services_snapshots_v1_MountsRequest__Output
          >;
          MountsResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_MountsResponse,
            _containerd_services_snapshots_v1_MountsResponse__Output
          >;
          PrepareSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_PrepareSnapshotRequest,
            _containerd_services_snapshots_v1_PrepareSnapshotRequest__Output
          >;
          PrepareSnapshotResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_PrepareSnapshotResponse,
            _containerd_services_snapshots_v1_PrepareSnapshotResponse__Output
          >;
          RemoveSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_RemoveSnapshotRequest,
            _containerd_services_snapshots_v1_RemoveSnapshotRequest__Output
          >;
          Snapshots: SubtypeConstructor<typeof grpc.Client, _containerd_services_snapshots_v1_SnapshotsClient> & {
            service: _containerd_services_snapshots_v1_SnapshotsDefinition;
          };
          StatSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_StatSnapshotRequest,
            _containerd_services_snapshots_v1_StatSnapshotRequest__Output
          >;
          StatSnapshotResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_StatSnapshotResponse,
            _containerd_services_snapshots_v1_StatSnapshotResponse__Output
          >;
          UpdateSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_UpdateSnapshotRequest,
            _containerd_services_snapshots_v1_UpdateSnapshotRequest__Output
          >;
          UpdateSnapshotResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_UpdateSnapshotResponse,
            _containerd_services_snapshots_v1_UpdateSnapshotResponse__Output
          >;
          UsageRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_UsageRequest,
            _containerd_services_snapshots_v1_UsageRequest__Output
          >;
          UsageResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_UsageResponse,
            _containerd_services_snapshots_v1_UsageResponse__Output
          >;
          ViewSnapshotRequest: MessageTypeDefinition<
            _containerd_services_snapshots_v1_ViewSnapshotRequest,
            _containerd_services_snapshots_v1_ViewSnapshotRequest__Output
          >;
          ViewSnapshotResponse: MessageTypeDefinition<
            _containerd_services_snapshots_v1_ViewSnapshotResponse,
            _containerd_services_snapshots_v1_ViewSnapshotResponse__Output
          >;
        };
      };
      tasks: {
        v1: {
          CloseIORequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_CloseIORequest,
            _containerd_services_tasks_v1_CloseIORequest__Output
          >;
          CreateTaskRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_CreateTaskRequest,
            _containerd_services_tasks_v1_CreateTaskRequest__Output
          >;
          CreateTaskResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_CreateTaskResponse,
            _containerd_services_tasks_v1_CreateTaskResponse__Output
          >;
          DeleteProcessRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_DeleteProcessRequest,
            _containerd_services_tasks_v1_DeleteProcessRequest__Output
          >;
          DeleteResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_DeleteResponse,
            _containerd_services_tasks_v1_DeleteResponse__Output
          >;
          DeleteTaskRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_DeleteTaskRequest,
            _containerd_services_tasks_v1_DeleteTaskRequest__Output
          >;
          ExecProcessRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_ExecProcessRequest,
            _containerd_services_tasks_v1_ExecProcessRequest__Output
          >;
          GetRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_GetRequest,
            _containerd_services_tasks_v1_GetRequest__Output
          >;
          GetResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_GetResponse,
            _containerd_services_tasks_v1_GetResponse__Output
          >;
          KillRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_KillRequest,
            _containerd_services_tasks_v1_KillRequest__Output
          >;
          ListPidsRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_ListPidsRequest,
            _containerd_services_tasks_v1_ListPidsRequest__Output
          >;
          ListPidsResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_ListPidsResponse,
            _containerd_services_tasks_v1_ListPidsResponse__Output
          >;
          ListTasksRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_ListTasksRequest,
            _containerd_services_tasks_v1_ListTasksRequest__Output
          >;
          ListTasksResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_ListTasksResponse,
            _containerd_services_tasks_v1_ListTasksResponse__Output
          >;
          MetricsRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_MetricsRequest,
            _containerd_services_tasks_v1_MetricsRequest__Output
          >;
          MetricsResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_MetricsResponse,
            _containerd_services_tasks_v1_MetricsResponse__Output
          >;
          PauseTaskRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_PauseTaskRequest,
            _containerd_services_tasks_v1_PauseTaskRequest__Output
          >;
          ResizePtyRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_ResizePtyRequest,
            _containerd_services_tasks_v1_ResizePtyRequest__Output
          >;
          ResumeTaskRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_ResumeTaskRequest,
            _containerd_services_tasks_v1_ResumeTaskRequest__Output
          >;
          StartRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_StartRequest,
            _containerd_services_tasks_v1_StartRequest__Output
          >;
          StartResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_StartResponse,
            _containerd_services_tasks_v1_StartResponse__Output
          >;
          Tasks: SubtypeConstructor<typeof grpc.Client, _containerd_services_tasks_v1_TasksClient> & {
            service: _containerd_services_tasks_v1_TasksDefinition;
          };
          UpdateTaskRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_UpdateTaskRequest,
            _containerd_services_tasks_v1_UpdateTaskRequest__Output
          >;
          WaitRequest: MessageTypeDefinition<
            _containerd_services_tasks_v1_WaitRequest,
            _containerd_services_tasks_v1_WaitRequest__Output
          >;
          WaitResponse: MessageTypeDefinition<
            _containerd_services_tasks_v1_WaitResponse,
            _containerd_services_tasks_v1_WaitResponse__Output
          >;
        };
      };
      version: {
        v1: {
          Version: SubtypeConstructor<typeof grpc.Client, _containerd_services_version_v1_VersionClient> & {
            service: _containerd_services_version_v1_VersionDefinition;
          };
          VersionResponse: MessageTypeDefinition<
            _containerd_services_version_v1_VersionResponse,
            _containerd_services_version_v1_VersionResponse__Output
          >;
        };
      };
    };
    types: {
      Descriptor: MessageTypeDefinition<_containerd_types_Descriptor, _containerd_types_Descriptor__Output>;
      Envelope: MessageTypeDefinition<_containerd_types_Envelope, _containerd_types_Envelope__Output>;
      Metric: MessageTypeDefinition<_containerd_types_Metric, _containerd_types_Metric__Output>;
      Mount: MessageTypeDefinition<_containerd_types_Mount, _containerd_types_Mount__Output>;
      Platform: MessageTypeDefinition<_containerd_types_Platform, _containerd_types_Platform__Output>;
    };
    v1: {
      types: {
        Process: MessageTypeDefinition<_containerd_v1_types_Process, _containerd_v1_types_Process__Output>;
        ProcessInfo: MessageTypeDefinition<_containerd_v1_types_ProcessInfo, _containerd_v1_types_ProcessInfo__Output>;
        Status: EnumTypeDefinition;
      };
    };
  };
  google: {
    protobuf: {
      Any: MessageTypeDefinition<_google_protobuf_Any, _google_protobuf_Any__Output>;
      Empty: MessageTypeDefinition<_google_protobuf_Empty, _google_protobuf_Empty__Output>;
      FieldMask: MessageTypeDefinition<_google_protobuf_FieldMask, _google_protobuf_FieldMask__Output>;
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>;
    };
  };
  io: {
    containerd: {
      cgroups: {
        v1: {
          CPUStat: MessageTypeDefinition<_io_containerd_cgroups_v1_CPUStat, _io_containerd_cgroups_v1_CPUStat__Output>;
          CPUUsage: MessageTypeDefinition<
            _io_containerd_cgroups_v1_CPUUsage,
            _io_containerd_cgroups_v1_CPUUsage__Output
          >;
          MemoryEntry: MessageTypeDefinition<
            _io_containerd_cgroups_v1_MemoryEntry,
            _io_containerd_cgroups_v1_MemoryEntry__Output
          >;
          MemoryOomControl: MessageTypeDefinition<
            _io_containerd_cgroups_v1_MemoryOomControl,
            _io_containerd_cgroups_v1_MemoryOomControl__Output
          >;
          MemoryStat: MessageTypeDefinition<
            _io_containerd_cgroups_v1_MemoryStat,
            _io_containerd_cgroups_v1_MemoryStat__Output
          >;
          Metrics: MessageTypeDefinition<_io_containerd_cgroups_v1_Metrics, _io_containerd_cgroups_v1_Metrics__Output>;
          PidsStat: MessageTypeDefinition<
            _io_containerd_cgroups_v1_PidsStat,
            _io_containerd_cgroups_v1_PidsStat__Output
          >;
          Throttle: MessageTypeDefinition<
            _io_containerd_cgroups_v1_Throttle,
            _io_containerd_cgroups_v1_Throttle__Output
          >;
        };
        v2: {
          CPUStat: MessageTypeDefinition<_io_containerd_cgroups_v2_CPUStat, _io_containerd_cgroups_v2_CPUStat__Output>;
          MemoryEvents: MessageTypeDefinition<
            _io_containerd_cgroups_v2_MemoryEvents,
            _io_containerd_cgroups_v2_MemoryEvents__Output
          >;
          MemoryStat: MessageTypeDefinition<
            _io_containerd_cgroups_v2_MemoryStat,
            _io_containerd_cgroups_v2_MemoryStat__Output
          >;
          Metrics: MessageTypeDefinition<_io_containerd_cgroups_v2_Metrics, _io_containerd_cgroups_v2_Metrics__Output>;
          PidsStat: MessageTypeDefinition<
            _io_containerd_cgroups_v2_PidsStat,
            _io_containerd_cgroups_v2_PidsStat__Output
          >;
        };
      };
    };
  };
}
